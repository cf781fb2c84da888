# SPDX-License-Identifier: Apache-2.0
"""What people do on an ordinary day: arrive, sign in, read and write mail, open files, browse,
call, print, go home."""

SUBJECTS = ["Minutes of the meeting", "Delivery next week", "Offer 20{n}",
            "Question about invoice {n}", "Holiday plan", "Order {n}", "Draft for review",
            "Re-scheduling", "Room booking", "Numbers for the quarter", "Photos",
            "Contract {n}", "Ticket {n}"]
TEXTS = ["Please find my notes below. Could you check the second point until Thursday?",
         "Thanks for the quick answer, that works for us.",
         "The delivery will arrive a day later than planned.",
         "I have moved our appointment to the afternoon.",
         "Attached you will find the corrected version, the numbers on page three have changed.",
         "Can you tell me who looks after this now?",
         "We would like to order the same amount as last time.",
         "All clear from our side, please go ahead.",
         "Let us talk about it on the phone tomorrow."]
FILES = ["plan", "offer", "list", "report", "minutes", "drawing", "budget", "roster", "photo",
         "contract", "manual", "protocol"]
ENDINGS = ["docx", "xlsx", "pdf", "pptx", "jpg", "txt"]


class People:
    """Mixed into Life; self.w is the world."""

    def people_day(self, day):
        w = self.w
        for p in w.people:
            if day < p.joins or (p.joins and day == p.joins and w.weekday(day) > 4):
                continue
            works = w.weekday(day) < w.par["days"] and w.chance(0.93 if w.weekday(day) < 5
                    else 0.4) and day not in self.holidays
            if day in p.busy:
                continue
            if works:
                self.work_day(p, day)
            elif w.chance(0.25):  # a glance at the mail on a free day
                self.phone_glance(p, w.at(day, w.rnd.uniform(9, 21)))

    def where(self, p, day):
        """(address seen by the cloud, its network, at the office or on its VPN)."""
        w = self.w
        if p.remote and w.chance(0.5):
            return p.home_ip, p.home_net, w.chance(0.5)
        return w.exit_ip, w.exit_net, True

    def work_day(self, p, day, place=None, hours=None):
        w = self.w
        begin = w.at(day, max(0.2, w.rnd.gauss(p.start, 0.35)))
        end = begin + (hours or p.hours) * 3600 * w.rnd.uniform(0.85, 1.12)
        ip, net, inside = place or self.where(p, day)
        dev = p.pc
        src = dev.ip if net is w.exit_net else self.vpn_address(p)
        if inside:
            if net is w.exit_net:
                w.lease(begin - 40, end, dev)
            else:
                self.vpn_session(p, begin, end, ip)
            self.logon(p, src, begin)
            self.browse(p, src, begin, end)
            self.shares_day(p, src, begin, end)
            if net is w.exit_net and w.chance(0.3):
                self.print_job(p, w.rnd.uniform(begin, end))
            self.machine_hours(dev, src, begin, end)
            if w.chance({"office": 0.35, "shop": 0.25}.get(w.kind, 0.08)):
                self.call(src, w.rnd.uniform(begin, end - 3600))
            if p.dept == "it":
                self.administer(p, src, begin, end)
        self.cloud_day(p, ip, net, begin, end)
        if w.chance(0.5):
            self.phone_glance(p, end + w.rnd.uniform(0.3, 4) * 3600)

    def administer(self, p, src, begin, end):
        """The daily work of those who look after the servers."""
        w = self.w
        for _ in range(w.poisson(2.5)):
            t, s = w.rnd.uniform(begin, end), w.rnd.choice(w.fleet)
            if s.os == "Windows":
                w.rdp(t, src, s.ip, "adm-" + p.login, w.log(600, 0.8))
            else:
                w.ssh(t, src, s.ip, w.log(400, 0.9))
                if s.role == "web":
                    self.shell_session(s, t)
        if w.chance(0.1):
            s = w.rnd.choice([d for d in w.fleet if d.os == "Windows"])
            w.share(w.rnd.uniform(begin, end), src, s, "C$",
                    [(1, "OPEN", "Windows\\Temp\\setup.log", 9000, None),
                     (4, "WRITE", "Install\\patch.msi", 6e6, None)], sent=6e6)

    def shell_session(self, s, t):
        """What an administrator types on a web server, an editor called vim included."""
        w = self.w
        sshd = w.exec(s.name, t, "/usr/sbin/sshd", "-D -R", dur=600)
        sh = w.exec(s.name, t + 0.5, "/bin/bash", "-l", 1000, sshd, "/home/ops", dur=590)
        for _ in range(2 + w.poisson(5)):
            t += w.log(20, 0.9)
            binary, args = w.rnd.choice(
                    [("/usr/bin/vim", "/etc/app/config.yml"),
                     ("/usr/bin/tail", "-n 200 /var/log/app/error.log"), ("/usr/bin/id", ""),
                     ("/bin/ps", "aux"), ("/usr/bin/sudo", "systemctl status app"),
                     ("/usr/bin/curl", "-sI http://localhost:8080/health"),
                     ("/bin/ss", "-tlnp"), ("/usr/bin/df", "-h"),
                     ("/usr/bin/find", "/var/log -size +100M"), ("/usr/bin/crontab", "-l"),
                     ("/usr/bin/wget", "-q https://deb.debian.org/x.deb -O /tmp/x.deb")])
            w.exec(s.name, t, binary, args, 1000, sh, "/home/ops", dur=w.log(2, 1))

    def vpn_address(self, p):
        if not hasattr(p, "vpn_ip"):
            p.vpn_ip = self.w.give("vpn")
        return p.vpn_ip

    def vpn_session(self, p, begin, end, ip):
        w = self.w
        w.conn(begin, ip, self.vpn_gateway, 4500, (end - begin) * 900, (end - begin) * 4000,
               end - begin, "udp")

    def logon(self, p, src, t):
        """A domain computer and its user log on."""
        w = self.w
        for s in (w.dc, w.fs):
            w.lookup(t - 1, src, f"{s.name.lower()}.{w.realm.lower()}", [s.ip], ttl=1200)
        w.ticket(t, src, p.pc.name + "$", f"krbtgt/{w.realm}", kind="AS")
        w.ticket(t + 9, src, p.login, f"krbtgt/{w.realm}", kind="AS", ok=not w.chance(0.03))
        w.ticket(t + 10, src, p.login, f"krbtgt/{w.realm}", kind="AS")
        w.ticket(t + 11, src, p.login, f"cifs/{w.dc.name}.{w.realm.lower()}")
        w.share(t + 12, src, w.dc, "SYSVOL",
                [
                (0.2, "OPEN", f"{w.realm.lower()}\\Policies\\{{{w.tenant.upper()}}}\\gpt.ini",
                 22, None)])

    def browse(self, p, src, begin, end):
        """Visits in bursts; sizes and pauses heavy-tailed; now and then a place never seen
        before."""
        w = self.w
        left = w.poisson(26 * p.energy * (0.4 if w.kind == "plant" else 1))
        while left > 0:
            t = w.rnd.uniform(begin, end)
            for _ in range(min(left, 1 + w.poisson(1.6))):
                x = w.rnd.random()
                site = (w.rnd.choice(p.sites) if x < 0.8 else w.rnd.choice(w.tail) if x < 0.95
                        else w.rnd.choice(["www.facebook.com", "www.instagram.com", "x.com"])
                        if x < 0.965 else w.new_site())
                if w.chance(0.04):
                    w.http(t, src, site, f"/{w.rnd.choice(FILES)}/{w.rnd.randrange(999)}",
                           agent=p.agent, code=w.rnd.choice([200, 301, 404]),
                           got=w.log(9000, 1, 200, 1e6))
                else:
                    w.tls(t, src, site)
                t += w.log(15, 1.0, 0.2, 300)
                left -= 1
        if w.chance(0.25):  # a tab left open that keeps asking for advertisements or news
            site, every = w.rnd.choice(p.sites + w.tail[:20]), w.rnd.choice([30, 60, 120, 300])
            t = w.rnd.uniform(begin, end - 3000)
            last = t + w.log(2400, 0.6, 600, 5000)
            self.poll(src, site, t, last, every, 0.05)
            w.negative("open-tab", t, last, [site], "a page left open asks again and again")

    def poll(self, src, site, begin, end, every, jitter, sent=900, got=2500):
        w = self.w
        t = begin
        while t < end:
            w.tls(t, src, site, sent * w.rnd.uniform(0.9, 1.1), got * w.rnd.uniform(0.8, 1.4),
                  w.rnd.uniform(0.1, 0.9))
            t += every * w.rnd.uniform(1 - jitter, 1 + jitter)

    def shares_day(self, p, src, begin, end):
        w = self.w
        for _ in range(w.poisson(1.6 if p.pc.os == "Windows" else 0.3)):
            t = w.rnd.uniform(begin, end)
            if w.chance(0.5):
                w.ticket(t - 1, src, p.login, f"cifs/{w.fs.name}.{w.realm.lower()}")
            acts, at = [], 0.5
            share = p.share if w.chance(0.85) else w.rnd.choice(w.shares)
            for _ in range(1 + w.poisson(1.8)):
                name = f"{p.dept}\\{w.rnd.choice(FILES)}_{w.rnd.randrange(400)}.{w.rnd.choice(ENDINGS)}"
                acts.append((at, "OPEN", name, w.log(90000, 1.5, 500, 4e7), None))
                if w.chance(0.25):
                    acts.append(
                            (at + w.log(60, 1, 2, 600), "WRITE", name,
                             w.log(90000, 1.5, 500, 4e7), None))
                if w.chance(0.03):
                    acts.append((at + 1, "RENAME", name.replace("_", "_v2_"), 1000, name))
                if w.chance(0.02):
                    acts.append((at + 2, "DELETE", name, 1000, None))
                at += w.log(40, 1, 1, 400)
            acts.sort(key=lambda a: a[0])
            w.share(t, src, w.fs, share, acts, sent=w.log(30000, 1.4), got=w.log(300000, 1.5))

    def print_job(self, p, t):
        w = self.w
        w.conn(t, p.pc.ip, w.rnd.choice(w.printers).ip, 9100, w.log(400000, 1, 5000, 4e7), 400,
               w.log(6, 0.7), service=None)

    def call(self, src, t):
        """A video call: signalling, then media over UDP for half an hour or more."""
        w = self.w
        length = w.log(1900, 0.6, 300, 7200)
        w.tls(t, src, w.call_vendor, 60000, 90000, length)
        for _ in range(w.rnd.choice([1, 2, 3])):
            w.conn(t + 3, src, w.ip_in(w.cloudnet), w.rnd.choice([3478, 3479, 3480, 8801]),
                   length * w.log(60000, 0.6), length * w.log(140000, 0.5), length - 4, "udp")

    def phone_glance(self, p, t):
        """Mail on the private phone: from the home network or the mobile one."""
        w = self.w
        ip, net = (p.home_ip, p.home_net) if w.chance(0.5) else (p.mobile_ip, w.mobile)
        w.signin(t, p, ip, net, p.phone_agent, interactive=False, mfa=p.mfa,
                 client="Mobile Apps and Desktop clients", managed=False)
        w.mail_read(t + 3, p, ip, "Client=OutlookService;Outlook-iOS/2.0;", 1 + w.poisson(2),
                    "Sync" if w.chance(0.1) else "Bind")
        if w.chance(0.1):
            p.mobile_ip = w.ip_in(w.mobile)
        if w.chance(0.02):
            p.home_ip = w.ip_in(p.home_net)

    def cloud_day(self, p, ip, net, begin, end):
        """Sign-ins, mail and files in the office suite."""
        w = self.w
        if w.chance(0.05):
            w.signin(begin + 100, p, ip, net, p.agent, error=50126, mfa=False)
        w.signin(begin + 120, p, ip, net, p.agent,
                 w.rnd.choice(["Exchange", "Teams", "OfficeHome"]), mfa=p.mfa)
        for _ in range(w.poisson(1.2)):
            w.signin(w.rnd.uniform(begin, end), p, ip, net, p.agent,
                     w.rnd.choice(["Exchange", "Teams", "SharePoint"]), mfa=p.mfa,
                     interactive=False)
        for _ in range(w.poisson(4 * min(p.energy, 2))):
            w.mail_read(w.rnd.uniform(begin, end), p, ip, "Client=MSExchangeRPC",
                        1 + w.poisson(3))
        for _ in range(w.poisson(2.4 * p.energy)):
            self.send(p, w.rnd.uniform(begin, end), ip)
        for _ in range(w.poisson(1.5)):
            self.receive(p, w.rnd.uniform(begin - 3600, end + 7200))
        site = f"{p.dept}-{'hub' if w.style % 2 else 'team'}"
        for _ in range(w.poisson(3 * p.energy)):
            w.file_op(w.rnd.uniform(begin, end), p, ip,
                      w.rnd.choice(["FileAccessed"] * 5
                                   + ["FileModified", "FileUploaded", "FileDownloaded",
                                      "FilePreviewed"]), site if w.chance(0.9) else "company",
                      f"{w.rnd.choice(FILES)}-{w.rnd.randrange(120)}.{w.rnd.choice(ENDINGS)}",
                      p.agent)
        if w.chance(0.3):
            w.audit(w.rnd.uniform(begin, end), p.mail, "MessageSent", "MicrosoftTeams", 25, ip,
                    CommunicationType="OneOnOne",
                    ChatThreadId=f"19:{w.hexa(16)}@unq.gbl.spaces")

    def subject(self):
        return self.w.rnd.choice(SUBJECTS).format(n=self.w.rnd.randrange(100, 9999))

    def text(self):
        return "Hello,\n" + " ".join(
                self.w.rnd.sample(TEXTS, self.w.rnd.choice([1, 2, 2, 3]))) + "\nKind regards"

    def send(self, p, t, ip, to=None, subject=None, text=None, links=()):
        """Mail written here: the audit record, and the message where it stays inside."""
        w = self.w
        if p.mates is None:
            p.mates = w.rnd.sample([q for q in w.people if q is not p], 6)
        outside = to is None and w.chance(0.4)
        to = to or ([w.rnd.choice(w.contacts[p.mail])[0]] if outside and w.contacts.get(p.mail)
                    else [q.mail for q in w.rnd.sample(p.mates, 1 if w.chance(0.8) else 3)])
        subject = subject or self.subject()
        inside = [a for a in to if a.endswith("@" + w.domain)]
        mid = f"<{w.hexa(24)}@{w.domain}>"
        if inside:
            mid = w.message(t + 2, p.mail, p.title, inside, subject, text or self.text(), ip,
                            links=links)
        w.audit(t, p.mail, "Send", "Exchange", 2, ip, ClientIPAddress=ip,
                ClientInfoString="Client=MSExchangeRPC", MailboxOwnerUPN=p.mail, LogonType=0,
                SaveToSentItems=True,
                Item={"Id": "LgAAAA" + w.hexa(12), "InternetMessageId": mid, "Subject": subject,
                      "ParentFolder": {"Path": "\\Drafts"}, "Recipients": list(to),
                      "SizeInBytes": int(w.log(22000, 1))})
        return mid

    def friend(self, p):
        """A private correspondent: mostly one of two, sometimes a new one. Returns (address,
        domain)."""
        w = self.w
        known = self.friends.setdefault(p.login, [])
        if len(known) < 2 or w.chance(0.2):
            dom = w.rnd.choice(w.private_mail)
            known.append((f"{w.word(2)}{w.rnd.randrange(99)}@{dom}", dom))
        return w.rnd.choice(known[-2:])

    def receive(self, p, t):
        """Mail from outside: known partners, news, shops, invitations, sometimes a stranger,
        sometimes junk."""
        w = self.w
        x = w.rnd.random()
        if x < 0.55 and w.contacts.get(p.mail):
            who, dom = w.rnd.choice(w.contacts[p.mail])
            links = [(f"https://www.{dom}/", f"https://www.{dom}/")] if w.chance(0.4) else []
            if w.chance(0.12):
                site = w.rnd.choice(w.tail) if w.chance(0.75) else w.new_site()
                links.append(("the document", f"https://{site}/d/{w.hexa(8)}"))
            w.message(t, who, who.split("@")[0].capitalize(), [p.mail], self.subject(),
                      self.text(), w.mail_ip(dom), links=links,
                      refer=f"<{w.hexa(20)}@{w.domain}>" if w.chance(0.5) else None,
                      attachment=("application/pdf", f"{w.rnd.choice(FILES)}.pdf",
                                  b"%PDF-1.5\n" + w.hexa(200).encode()) if w.chance(0.2)
                      else None)
        elif x < 0.85:
            site = w.rnd.choice(w.tail[:60])
            dom = site.split(".", 1)[1]
            w.message(t, f"news@{dom}", dom.split(".")[0].capitalize(), [p.mail],
                      f"News from {dom.split('.')[0]}", "What is new this week.",
                      w.mail_ip(dom),
                      links=[("Read more", f"https://{site}/n/{w.hexa(6)}"),
                             ("Unsubscribe", f"https://{site}/u/{w.hexa(8)}")],
                      list_id=f"list.{dom}")
        elif x < 0.95:
            friend, dom = self.friend(p)
            site = w.rnd.choice(
                    ["www.dropbox.com", "www.youtube.com", w.rnd.choice(w.tail), w.new_site()])
            w.message(t, friend, friend.split("@")[0].capitalize(), [p.mail], self.subject(),
                      self.text(), w.mail_ip(dom),
                      links=[("look at this", f"https://{site}/{w.hexa(6)}")] if w.chance(0.2)
                      else [])
        else:
            site = w.new_site()
            dom = site.split(".", 1)[1]
            w.message(t, f"offer@{dom}", "Special offer", [p.mail],
                      "A one-time chance for your business", "Our prices will never be lower.",
                      w.ip_in(w.rnd.choice(w.hosting)), passed=w.chance(0.6),
                      links=[("Order now", f"https://{site}/{w.hexa(6)}")])
