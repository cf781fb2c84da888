# SPDX-License-Identifier: Apache-2.0
"""Tables of scores, of one world and pooled over several."""
import collections

import stats


def span(s):
    """Seconds for people."""
    if s is None:
        return "-"
    sign, s = "-" if s < 0 else "", abs(s)
    return sign + (f"{s:.0f}s" if s < 120 else f"{s / 60:.0f}m" if s < 7200
                   else f"{s / 3600:.1f}h")


def one(sc):
    """The measures of one world."""
    t = sc.truth
    out = [f"{t.profile} seed {t.seed}, {sc.days:.0f} days: {len(sc.alerts)} alerts, "
           f"{len(sc.incidents)} incidents"]
    if sc.rows:
        out.append(f"{'attack':<26} var detected strict steps     TTD  TTDstr inc.cov purity")
    for r in sc.rows:
        seen = f"{len(r['seen'])}/{len(r['steps'])}"
        purity = "-" if r["purity"] is None else format(r["purity"], ".2f")
        out.append(f"{r['attack']:<26} {r['variant']:>3} {'yes' if r['loose'] else 'NO':<8} "
                   f"{'yes' if r['strict'] else 'NO':<6} {seen:<5} {span(r['delay_loose']):>7} "
                   f"{span(r['delay']):>7} {r['coverage']:>7.2f} {purity:>6}")
    late, all_ = sc.false_alerts(), sc.false_alerts(late=False)
    cov, pur = stats.mean(sc.coverages()), stats.mean(sc.purities())
    delay = stats.median([r["delay"] for r in sc.rows if r["delay"] is not None])
    top, alerts = sc.top_incidents(), sc.top_alerts()
    for key, value in (
            ("attacks detected", f"{sum(r['loose'] for r in sc.rows)}/{len(sc.rows)}"),
            ("attacks detected strictly",
             f"{sum(r['strict'] for r in sc.rows)}/{len(sc.rows)}"),
            ("steps detected",
             f"{sum(len(r['seen']) for r in sc.rows)}/{sum(len(r['steps']) for r in sc.rows)}"),
            ("median time to detect", span(delay[0] if delay else None)),
            ("true alerts", sum(a.true for a in sc.alerts)),
            ("coincidental alerts", sum(not a.true and not a.false for a in sc.alerts)),
            ("false alerts", len(all_)),
            ("false alerts on hard negatives", sum(bool(a.benign) for a in all_)),
            ("false alerts a day", f"{len(all_) / sc.days:.3f}"),
            ("false alerts a day after warm-up", f"{len(late) / sc.quiet_days:.3f}"),
            ("false incidents", len(sc.false_incidents(late=False))),
            ("false incidents a day after warm-up",
             f"{len(sc.false_incidents()) / sc.quiet_days:.3f}"),
            ("top 20 incidents true", f"{sum(i.attack is not None for i in top)}/{len(top)}"),
            ("top 20 alerts true", f"{sum(a.true for a in alerts)}/{len(alerts)}"),
            ("mean incident coverage", "-" if cov is None else f"{cov[0]:.3f}"),
            ("mean incident purity", "-" if pur is None else f"{pur[0]:.3f}"),
            ("compliance false alerts a day",
             f"{len(sc.false_alerts('compliance')) / sc.quiet_days:.3f}"),
            ("compliance false incidents a day",
             f"{len(sc.false_incidents('compliance')) / sc.quiet_days:.3f}")):
        out.append(f"{key:<38} {value}")
    out += blame(all_ + sc.false_alerts("compliance", late=False))
    return "\n".join(out)


def blame(false):
    """Which models and which benign trouble the false alerts come from."""
    if not false:
        return []
    models = collections.Counter(a.model for a in false)
    benign = collections.defaultdict(collections.Counter)
    for a in false:
        benign[a.model].update(a.benign or ["ordinary life"])
    return ["false alerts by model:"] + [f"  {m:<36} {n:>4}   "
                                         + ", ".join(f"{b} {k}" for b,
                                                     k in benign[m].most_common(4)) for m,
                                         n in models.most_common(15)]


def share(k, n):
    low, high = stats.wilson(k, n)
    return f"{k}/{n} = {k / n if n else 0:.2f} [{low:.2f}, {high:.2f}]"


def rate(k, days):
    low, high = stats.poisson(k)
    return f"{k} in {days:.0f} days = {k / days:.2f} [{low / days:.2f}, {high / days:.2f}]"


def pooled(scores):
    """The pooled table, with intervals of 95 %: Wilson for shares, exact Poisson for rates, of
    days after warm-up."""
    rows = [r for s in scores for r in s.rows]
    days = sum(s.quiet_days for s in scores)
    late = [a for s in scores for a in s.false_alerts()]
    steps = sum(len(r["steps"]) for r in rows)
    out = [f"pooled over {len(scores)} worlds, {len(rows)} attacks (intervals of 95 %)"]
    delay = stats.median([r["delay"] for r in rows if r["delay"] is not None])
    cov = stats.mean([c for s in scores for c in s.coverages()])
    pur = stats.mean([p for s in scores for p in s.purities()])
    top = [i for s in scores for i in s.top_incidents()]
    alerts = [a for s in scores for a in s.top_alerts()]
    lines = [("attacks detected strictly", share(sum(r["strict"] for r in rows), len(rows))),
             ("attacks detected", share(sum(r["loose"] for r in rows), len(rows)))]
    for v, word in enumerate(("loud", "ordinary", "quiet")):
        mine = [r for r in rows if r["variant"] == v]
        lines.append((f"  variant {v} ({word})", share(sum(r["strict"] for r in mine), len(mine))))
    lines += [("steps detected", share(sum(len(r["seen"]) for r in rows), steps)),
              ("median time to detect",
               "-" if delay is None
               else f"{span(delay[0])} [{span(delay[1])}, {span(delay[2])}]"),
              ("false alerts a day", rate(len(late), days)),
              ("  of them on benign trouble",
               share(sum(bool(a.benign) for a in late), len(late))),
              ("false incidents a day",
               rate(sum(len(s.false_incidents()) for s in scores), days)),
              ("compliance false alerts a day",
               rate(sum(len(s.false_alerts("compliance")) for s in scores), days)),
              ("compliance false incidents a day",
               rate(sum(len(s.false_incidents("compliance")) for s in scores), days)),
              ("top 20 incidents true",
               share(sum(i.attack is not None for i in top), len(top))),
              ("top 20 alerts true", share(sum(a.true for a in alerts), len(alerts))),
              ("incident coverage", "-" if cov is None else f"{cov[0]:.2f} +- {cov[1]:.2f}"),
              ("incident purity", "-" if pur is None else f"{pur[0]:.2f} +- {pur[1]:.2f}")]
    out += [f"{k:<34} {v}" for k, v in lines]
    compliance = [a for s in scores for a in s.false_alerts("compliance")]
    out += severities(scores) + attacks_table(rows) + blame(late + compliance)
    return "\n".join(out)


def severities(scores):
    """How many incidents of each severity are true: whether severe first is true first."""
    count = collections.Counter((i.severity, i.attack is not None) for s in scores
                                for i in s.incidents if i.queue == "threat")
    return ["incidents by severity, true of all: " + ", ".join(
        f"{name} {count[v, True]}/{count[v, True] + count[v, False]}"
        for name, v in (("critical", 4), ("high", 3), ("medium", 2), ("low", 1))
        if count[v, True] + count[v, False])]


def attacks_table(rows):
    """By attack: how often it was seen, by variant, and each step; then what saw it."""
    out = ["by attack: strictly detected, by which models; each step: seen/played, variants missed "
           "(0 loud, 1 ordinary, 2 quiet), median delay"]
    for name in sorted({r["attack"] for r in rows}):
        mine = [r for r in rows if r["attack"] == name]
        missed = "".join(str(v) for v in sorted(r["variant"] for r in mine if not r["strict"]))
        models = collections.Counter(m for r in mine for m in r["models"]).most_common(6)
        seen = f"{sum(r['strict'] for r in mine)}/{len(mine)}"
        out.append(f"  {name:<24} {seen:<6} {'missed ' + missed if missed else '':<16} "
                   + ", ".join(f"{m} {k}" for m, k in models))
        for step in dict.fromkeys(q for r in mine for q in r["steps"]):
            had = [r for r in mine if step in r["steps"]]
            miss = "".join(str(v)
                           for v in sorted(r["variant"] for r in had if step not in r["seen"]))
            late = stats.median([r["step_delay"][step] for r in had if step in r["step_delay"]])
            seen = f"{len(had) - len(miss)}/{len(had)}"
            out.append(f"    {step:<26} {seen:<6} {'missed ' + miss if miss else '':<16} "
                       f"{span(late[0]) if late else ''}")
    return out
