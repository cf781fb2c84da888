# SPDX-License-Identifier: Apache-2.0
"""Judges findings by a world's truth.

An alert is *strict* for an attack when it cites one of its records, *loose* when it names one
of its entities while it was under way (or within the grace after it), *false* when neither. A
false incident holds false alerts only. The last line of an id stands, with the time of its
first; merged incidents do not count; findings of the compliance queue are counted by
themselves. Detection counts from `earliest_knowable`: the moment a record of the attack could
have been read."""
import collections
import datetime
import gzip
import json
import os
import re

RANK = {"informational": 0, "info": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}
EARLY = 60.0  # seconds by which a finding may precede what it is about: clocks and rounding
WARMUP_DAYS = 3.0
TOP = 20


def seconds(text):
    """RFC 3339, or seconds since 1970, to seconds since 1970."""
    if isinstance(text, (int, float)):
        return float(text)
    return datetime.datetime.fromisoformat(trim(text.strip())).timestamp()


def trim(text):
    """What fromisoformat of Python 3.9 takes: at most six digits, a numeric zone."""
    text = re.sub(r"(\.\d{6})\d+", r"\1", text)
    text = re.sub(r"\.(\d{1,5})(?=[Zz+-]|$)", lambda m: "." + m.group(1).ljust(6, "0"), text)
    text = re.sub(r"[Zz]$", "+00:00", text)
    return text if re.search(r"[+-]\d\d:?\d\d$", text) else text + "+00:00"


def spellings(entity):
    """All names under which a finding's entity may stand in the truth."""
    e = re.sub(r"^([a-z0-9_]+[:=](?!/))*(?=.)", "",
               str(entity).strip().lower()) if not str(entity).lower().startswith(
            "arn:") else str(entity).strip().lower()
    e = str(entity).strip().lower() if is_mac(str(entity)) else e
    out = {e.rstrip(".")}
    if e.startswith("arn:"):
        tail = e.split(":", 5)[-1].split("/")
        out.update(tail[1:] if tail[0] == "assumed-role" else tail[-1:])
    elif "://" in e:
        out.add(e.split("://", 1)[1].split("/")[0].split(":")[0])
    elif "\\" in e:
        out.add(e.rsplit("\\", 1)[1])
    elif re.match(r"^\d+\.\d+\.\d+\.\d+:\d+$", e):
        out.add(e.split(":")[0])
    elif "/" in e:
        out.update(e.split("/"))
    elif "." in e and "@" not in e and not re.match(r"^\d+\.\d+\.\d+\.\d+$", e):
        out.add(e.split(".")[0])
    out.discard("")
    return out


def bare(rid):
    """A record's id; a Message-ID with or without its brackets."""
    return str(rid).strip("<>")


def is_mac(text):
    return bool(re.match(r"^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$", text.strip()))


def names(entities):
    return set().union(*(spellings(e) for e in entities or ())) if entities else set()


def own_names(entities):
    """The truth's side: entities as they are; only for ARNs the short name too."""
    out = set()
    for e in entities or ():
        out.add(str(e).strip().lower())
        if str(e).lower().startswith("arn:"):
            out |= spellings(e)
    return out


def severity(f):
    v = f.get("severity")
    return float(v) if isinstance(v, (int, float)) else float(RANK.get(str(v).lower(), 0))


def queue(f):
    return "compliance" if f.get("queue") == "compliance" or (not f.get("queue")
            and str(f.get("model", "")).startswith("compliance")) else "threat"


class Step:
    def __init__(self, q):
        self.name, self.start, self.end = q["step"], seconds(q["time"]), seconds(q["end"])
        self.known, self.names = seconds(q["earliest_knowable"]), own_names(q["entities"])


class Attack:
    def __init__(self, s):
        self.name, self.variant, self.text = s["scenario"], s["variant"], s[
                "variant_description"]
        self.independent = bool(s.get("independent_steps"))
        self.start, self.end, self.known = seconds(s["start"]), seconds(s["end"]), seconds(
                s["earliest_knowable"])
        self.names, self.steps = own_names(s["entities"]), [Step(q) for q in s["steps"]]
        self.begins = {q.name: q.start for q in self.steps}


class Truth:
    """truth.json, and all records of the attacks from truth_events.ndjson.gz beside it."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            t = json.load(f)
        self.profile, self.seed = t["profile"], t["seed"]
        self.start, self.end, self.grace = seconds(t["window_start"]), seconds(
                t["window_end"]), t.get("grace_seconds", 21600)
        self.attacks = {s["scenario"]: Attack(s) for s in t["scenarios"]}
        self.negatives = [
                (h["name"], seconds(h["start"]), seconds(h["end"]), own_names(h["entities"]))
                for h in t.get("benign_hard_negatives", [])]
        self.records = collections.defaultdict(set)
        events = os.path.join(os.path.dirname(os.path.abspath(path)), "truth_events.ndjson.gz")
        if os.path.exists(events):
            with gzip.open(events, "rt", encoding="utf-8") as f:
                for o in map(json.loads, f):
                    self.records[bare(o["id"])].add((o["scenario"], o["step"]))
        else:
            for s in t["scenarios"]:
                for q in s["steps"]:
                    for r in q["records"]:
                        self.records[bare(r["id"])].add((s["scenario"], q["step"]))

    def strict(self, f):
        """Steps a finding cites records of. Not before the step: a process keeps its id, and
        later steps may be its doing."""
        cited = (x for i in f.get("event_ids") or () for x in self.records.get(bare(i), ()))
        return {(a, q) for a, q in cited if a in self.attacks
                and f["_last"] >= self.attacks[a].begins[q] - EARLY}

    def loose(self, f):
        """Attacks (and the latest step of each) that were under way with an entity the finding
        names."""
        out, ents, t = set(), names(f.get("entities")), f["_t"]
        near = lambda x: x.start - EARLY <= t <= x.end + self.grace and ents & x.names
        for a in self.attacks.values():
            if near(a):
                steps = [q for q in a.steps if near(q)]
                if steps or not a.independent:
                    out.add((a.name, max(steps, key=lambda q: q.start).name if steps else None))
        return out

    def benign(self, f):
        ents, t = names(f.get("entities")), f["_t"]
        return sorted(
                {n for n, a, b,
                 e in self.negatives if a - EARLY <= t <= b + self.grace and ents & e})


def load_findings(path):
    """(findings by kind and id, lines that could not be read)"""
    got, bad = {}, 0
    with open(path, encoding="utf-8") as f:
        for line in f:
            if not line.strip():
                continue
            try:
                o = json.loads(line)
                o["_t"], o["id"] = seconds(o["time"]), str(o["id"])
                o["kind"] = str(o.get("kind", "alert"))
                o["_last"] = seconds(o.get("updated") or o["time"])
            except (ValueError, KeyError, TypeError):
                bad += 1
                continue
            key = (o["kind"], o["id"])
            if key in got:
                o["_t"] = min(o["_t"], got[key]["_t"])
            got[key] = o
    return [o for o in got.values()
            if not (o["kind"] == "incident" and o.get("status") == "merged")], bad


class Alert:
    """A judged alert."""

    def __init__(self, truth, f):
        self.f, self.id, self.t, self.queue = f, f["id"], f["_t"], queue(f)
        self.model = str(f.get("model") or f.get("title"))
        self.strict, self.loose, self.benign = truth.strict(f), truth.loose(f), truth.benign(f)
        if not f.get("event_ids"):
            self.strict = {x for x in self.loose if x[1] is not None}
        self.true = bool(self.strict)
        self.false = not self.strict and not self.loose

    def steps(self):
        return self.strict or self.loose


class Incident:
    """A judged incident: which attack most of its alerts belong to, and which steps of which
    attacks it tells."""

    def __init__(self, truth, f, alerts):
        self.f, self.t, self.queue = f, f["_t"], queue(f)
        self.severity, self.score = severity(f), float(f.get("score") or 0)
        mine = [alerts[str(i)] for i in f.get("alert_ids") or () if str(i) in alerts]
        votes, self.steps = collections.Counter(), collections.defaultdict(set)
        for a in mine:
            votes.update({s for s, _ in a.steps()})
            for s, q in a.steps():
                if q:
                    self.steps[s].add(q)
        own = truth.strict(f)
        if not mine:
            own |= truth.loose(f)
            votes.update(s for s, _ in own)
        for s, q in own:
            if q:
                self.steps[s].add(q)
        self.attack = max(sorted(votes), key=lambda k: votes[k]) if votes else None
        self.purity = votes[self.attack] / len(mine) if self.attack and mine else float(
                self.attack is not None)


class Score:
    """Everything measured on one world."""

    def __init__(self, truth_path, findings_path, warmup=WARMUP_DAYS):
        self.truth = t = Truth(truth_path)
        findings, self.unread = load_findings(findings_path)
        self.alerts = [Alert(t, f) for f in findings if f["kind"] != "incident"]
        by_id = {a.id: a for a in self.alerts}
        self.incidents = [Incident(t, f, by_id) for f in findings if f["kind"] == "incident"]
        self.days = (t.end - t.start) / 86400
        self.warm = t.start + warmup * 86400
        self.quiet_days = max(1e-9, (t.end - max(t.start, self.warm)) / 86400)
        self.rows = [self.attack_row(a) for a in t.attacks.values()]

    def attack_row(self, a):
        """How one attack was seen."""
        hits = sorted(
                (x for x in self.alerts if any(s == a.name for s, _ in x.strict | x.loose)),
                key=lambda x: x.t)
        strict = [x for x in hits if any(s == a.name for s, _ in x.strict)]
        seen = {}
        for x in hits:
            cited = x.strict if any(s == a.name for s,
                                    _ in x.strict) else (x.loose if not x.f.get("event_ids")
                                                         else ())
            for s, q in cited:
                if s == a.name and q is not None:
                    seen.setdefault(q, x.t)
        told = [(len(i.steps.get(a.name, ())) / len(a.steps), i.purity) for i in self.incidents
                if a.name in i.steps or i.attack == a.name]
        best = max(told, key=lambda x: x[0], default=(0.0, None))
        return {"attack": a.name, "variant": a.variant, "text": a.text,
                "independent": a.independent, "loose": bool(hits), "strict": bool(strict),
                "steps": [q.name for q in a.steps], "seen": seen,
                "delay": strict[0].t - a.known if strict else None,
                "delay_loose": hits[0].t - a.known if hits else None,
                "step_delay": {q.name: seen[q.name] - q.known for q in a.steps
                               if q.name in seen}, "coverage": best[0],
                "purity": best[1] if best[0] else None,
                "models": sorted({x.model for x in strict})}

    def false_alerts(self, which="threat", late=True):
        return [a for a in self.alerts if a.false and a.queue == which
                and (not late or a.t >= self.warm)]

    def false_incidents(self, which="threat", late=True):
        return [i for i in self.incidents if i.attack is None and i.queue == which
                and (not late or i.t >= self.warm)]

    def top_incidents(self):
        return sorted((i for i in self.incidents if i.queue == "threat"),
                      key=lambda i: (-i.severity, -i.score, i.t))[:TOP]

    def top_alerts(self):
        return sorted(self.alerts,
                      key=lambda a: (-severity(a.f), -float(a.f.get("score") or 0), a.t))[:TOP]

    def purities(self):
        return [i.purity for i in self.incidents if i.attack]

    def coverages(self):
        return [r["coverage"] for r in self.rows if not r["independent"]]
