# SPDX-License-Identifier: Apache-2.0
"""The ground of a simulated organisation: its clock, its chance, the records written so far and
the truth about them.

Everything is drawn from one random.Random(seed, kind), so a seed and a kind give the same bytes
on every machine. A record is handed in with `known`, the moment at which its sensor could have
written it; logs are written in that order."""
import contextlib
import datetime
import gzip
import json
import math
import os
import random

UTC = datetime.timezone.utc
B62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
OCTETS = [5, 23, 31, 37, 45, 46, 51, 62, 64, 66, 69, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 88,
          89, 91, 92, 93, 94, 95, 104, 107, 109, 130, 134, 138, 141, 142, 144, 146, 147, 149,
          151, 152, 155, 157, 158, 159, 161, 162, 163, 164, 165, 167, 168, 170, 173, 174, 176,
          178, 185, 188, 193, 194, 195, 199, 204, 205, 206, 207, 208, 209, 212, 213, 216, 217]


def iso(t, digits=3):
    """RFC 3339 with a Z; digits 0, 3 or 9."""
    d = datetime.datetime.fromtimestamp(math.floor(t), UTC).strftime("%Y-%m-%dT%H:%M:%S")
    if not digits:
        return d + "Z"
    return f"{d}.{int((t - math.floor(t)) * 10 ** digits):0{digits}d}Z"


class Net:
    """A provider's address range (a /16) with what a lookup service would say about it."""

    def __init__(self, a, b, asn, country, city):
        self.a, self.b, self.asn, self.country, self.city = a, b, asn, country, city


class Scenario:
    """One attack of the truth: its steps, and the records each step left behind."""

    def __init__(self, name, variant, text, independent):
        self.name, self.variant, self.text, self.independent = name, variant, text, independent
        self.steps = []


class Ground:
    """Clock, chance, records, truth."""

    def __init__(self, seed, kind, days):
        self.seed, self.kind, self.days = seed, kind, days
        self.rnd = random.Random(f"{kind}/{seed}")
        self.zone = self.rnd.choice([-8, -6, -5, -3, 0, 1, 2, 3, 5.5, 8, 10])
        monday = datetime.datetime(2025, 1, 6,
                                   tzinfo=UTC) + datetime.timedelta(
                weeks=self.rnd.randrange(70))
        self.t0 = monday.timestamp() - self.zone * 3600
        self.files = {}
        self.scenarios, self.negatives = [], []
        self.label, self.shared = None, set()
        self._nets = set()

    # -- chance
    def chance(self, p):
        return self.rnd.random() < p

    def log(self, median, sigma, low=0.0, high=float("inf")):
        """A log-normal draw around its median, kept in [low, high]."""
        return min(high, max(low, self.rnd.lognormvariate(math.log(median), sigma)))

    def poisson(self, mean):
        """A Poisson draw; the normal approximation above 50."""
        if mean > 50:
            return max(0, round(self.rnd.gauss(mean, math.sqrt(mean))))
        limit, n, p = math.exp(-mean), 0, self.rnd.random()
        while p > limit:
            n += 1
            p *= self.rnd.random()
        return n

    def hexa(self, n):
        return f"{self.rnd.getrandbits(4 * n):0{n}x}"

    def guid(self):
        h = self.hexa(32)
        return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"

    def uid(self, head="C"):
        return head + "".join(self.rnd.choices(B62, k=17))

    def net(self, country="US", city="Ashburn"):
        """A provider range nobody else in this world has."""
        while True:
            k = (self.rnd.choice(OCTETS), self.rnd.randrange(1, 255))
            if k not in self._nets:
                self._nets.add(k)
                return Net(*k, self.rnd.randrange(1200, 64000), country, city)

    def ip_in(self, net):
        return f"{net.a}.{net.b}.{self.rnd.randrange(1, 255)}.{self.rnd.randrange(2, 254)}"

    # -- clock: days count from 0; hours are local
    def at(self, day, hour, minute=0.0):
        return self.t0 + day * 86400 + hour * 3600 + minute * 60

    def weekday(self, day):
        return day % 7

    # -- records
    def emit(self, file, known, rid, obj, time=None):
        """Keeps one record; when a step of an attack is being played, the truth learns of
        it."""
        if not self.t0 <= known < self.t0 + self.days * 86400:
            return
        self.files.setdefault(file,
                              []).append(
                (known, len(self.files[file]) if file in self.files else 0, obj))
        if self.label is not None:
            self.label["records"].append((file, rid, known if time is None else time, known))
        elif file.startswith("host"):
            self.shared.add(rid)

    @contextlib.contextmanager
    def step(self, scenario, name, entities, context=(), note=""):
        """Every record emitted inside belongs to this step."""
        q = {"step": name, "entities": self.ids(entities), "context": self.ids(context),
             "note": note, "records": []}
        before, self.label = self.label, q
        try:
            yield q
        finally:
            self.label = before
        if q["records"]:
            old = [s for s in scenario.steps if s["step"] == name]
            if old:
                old[0]["records"] += q["records"]
                old[0]["entities"] = sorted(set(old[0]["entities"]) | set(q["entities"]))
            else:
                scenario.steps.append(q)

    @staticmethod
    def ids(things):
        """The names of people, machines, sites and plain texts under which a finding may speak
        of them."""
        out = set()
        for x in things:
            out |= x.names() if hasattr(x, "names") else {str(x)}
            if isinstance(x,
                          str) and x.count(".") == 2 and not x[-1].isdigit() and "@" not in x:
                out.add(x.split(".", 1)[1])
        return sorted(out)

    def scenario(self, name, variant, text, independent=False):
        s = Scenario(name, variant, text, independent)
        self.scenarios.append(s)
        return s

    def negative(self, name, start, end, entities, note):
        """Benign trouble: what a hasty detector would take for an attack."""
        self.negatives.append(
                {"name": name, "start": iso(start), "end": iso(end),
                 "entities": self.ids(entities), "note": note})

    # -- writing
    def truth(self):
        out = []
        for s in sorted(self.scenarios,
                        key=lambda s: min((r[2] for q in s.steps for r in q["records"]),
                                          default=0)):
            steps = []
            for q in s.steps:
                q["records"] = [r for r in q["records"] if r[1] not in self.shared]
                if not q["records"]:
                    continue
                rec = sorted(q["records"], key=lambda r: (r[2], r[0], r[1]))
                steps.append(
                        {"step": q["step"], "time": iso(rec[0][2]),
                         "end": iso(max(r[3] for r in rec)),
                         "earliest_knowable": iso(min(r[3] for r in rec)),
                         "entities": q["entities"], "context_entities": q["context"],
                         "note": q["note"], "record_count": len(rec),
                         "records": [{"file": r[0], "id": r[1], "time": iso(r[2])}
                                     for r in rec[:40]], "all": rec})
            if not steps:
                continue
            steps.sort(key=lambda q: q["time"])
            out.append(
                    {"scenario": s.name, "variant": s.variant, "variant_description": s.text,
                     "independent_steps": s.independent, "start": min(q["time"] for q in steps),
                     "end": max(q["end"] for q in steps),
                     "earliest_knowable": min(q["earliest_knowable"] for q in steps),
                     "entities": sorted({e for q in steps for e in q["entities"]}),
                     "steps": steps})
        return out

    def write(self, folder, attacks):
        """Logs below folder, truth.json and truth_events.ndjson.gz (every record of every
        attack). Returns the record count."""
        n = 0
        for file in sorted(self.files):
            rows = sorted(self.files[file], key=lambda r: (r[0], r[1]))
            n += len(rows)
            self.write_file(os.path.join(folder, "logs"), file, rows)
        scen = self.truth() if attacks else []
        with gzip.GzipFile(os.path.join(folder, "truth_events.ndjson.gz"), "wb", mtime=0) as f:
            for s in scen:
                for q in s["steps"]:
                    for r in q.pop("all"):
                        o = {"scenario": s["scenario"], "step": q["step"], "file": r[0],
                             "id": r[1], "time": iso(r[2])}
                        f.write((json.dumps(o) + "\n").encode())
        truth = {"generator": "bench/world", "profile": self.kind, "organisation": self.name,
                 "seed": self.seed, "days": self.days, "attacks": attacks,
                 "window_start": iso(self.t0, 0),
                 "window_end": iso(self.t0 + self.days * 86400, 0), "grace_seconds": 21600,
                 "records": n, "scenarios": scen,
                 "benign_hard_negatives": sorted(self.negatives,
                                                 key=lambda h: (h["start"], h["name"]))}
        with open(os.path.join(folder, "truth.json"), "w", encoding="utf-8") as f:
            json.dump(truth, f, indent=1)
            f.write("\n")
        return n

    def write_file(self, root, file, rows):
        """JSON lines, as one file or one gzip file a day; CloudTrail by four hours; mail as
        mbox by week."""
        cut = {"cloudtrail": 4 * 3600, "mail.mbox": 7 * 86400}.get(file,
                86400 if self.rotate else 1e12)
        parts = {}
        for known, _, obj in rows:
            parts.setdefault(int((known - self.t0) // cut), []).append(obj)
        for k, objs in sorted(parts.items()):
            start = datetime.datetime.fromtimestamp(self.t0 + k * cut if cut < 1e12
                                                    else self.t0, UTC)
            if file == "cloudtrail":
                path = (f"AWSLogs/{self.account}/CloudTrail/{self.region}/{start:%Y/%m/%d}/"
                        f"{self.account}_CloudTrail_{self.region}_{start:%Y%m%dT%H%MZ}_"
                        f"{self.uid('')[:16]}.json.gz")
                data = json.dumps({"Records": objs}, separators=(",", ":"))
            elif file == "mail.mbox":
                path, data = f"mail/{start:%Y-%m-%d}.mbox", "".join(objs)
            else:
                folder, name = file.split("/")
                path = f"{folder}/{start:%Y-%m-%d}/{name}.gz" if self.rotate else file
                data = "".join((o if isinstance(o, str) else json.dumps(o, separators=(",", ":")))
                               + "\n" for o in objs)
            path = os.path.join(root, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with (gzip.GzipFile(path, "wb", 3, mtime=0) if path.endswith(".gz")
                  else open(path, "wb")) as f:
                f.write(data.encode())
