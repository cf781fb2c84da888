# SPDX-License-Identifier: Apache-2.0
"""One organisation: its people, machines, networks, vendors and cloud account, different for
every seed and kind."""
from ground import Ground
from records import Records
from zeek import Zeek

# given and family names by culture; a world has one main culture and some of the others
FIRST = {
    "north": "Astrid Bjorn Freja Gustav Ingrid Jonas Kirsten Lars Maja Nils Oskar Pernille "
             "Ragnar Signe Tove Ulrik Vilde Anders",
    "latin": "Alessia Bruno Carmen Dario Elena Fabio Giulia Hector Ines Joaquim Lucia Marco "
             "Nuria Paola Rafael Sofia Tiago Vera",
    "anglo": "Abigail Blake Caroline Dylan Erin Fraser Gemma Harvey Isla Jack Kelsey Liam "
             "Megan Nathan Olive Preston Rhys Stacy",
    "asia": "Aiko Bo Chen Deepa Eun Farah Gita Hiro Iqbal Jin Kavya Ling Mei Naveen Priya "
            "Rohan Sana Wei"}
LAST = {
    "north": "Aas Berglund Dahl Ekstrom Falk Hagen Holm Iversen Lindqvist Moen Nygaard Olsen "
             "Rask Sandvik Toft Vik Wahl",
    "latin": "Amato Bianchi Costa Duarte Esposito Ferrer Gallo Herrera Iglesias Leone Moretti "
             "Navarro Pires Rinaldi Soares Vidal",
    "anglo": "Ashworth Barlow Callahan Driscoll Emerson Fletcher Garrison Hobbs Ingram Jarvis "
             "Keating Lockwood Maddox Norris Quigley Shaw",
    "asia": "Agarwal Bose Chowdhury Endo Fujii Gupta Hayashi Ito Kapoor Lim Mehta Nakata "
            "Okada Park Rao Sato Tan Yamada"}
COUNTRY = {-8: ("US", "Portland"), -6: ("US", "Omaha"), -5: ("CA", "Halifax"),
           -3: ("BR", "Curitiba"), 0: ("GB", "Leeds"), 1: ("SE", "Malmo"), 2: ("FI", "Turku"),
           3: ("RO", "Cluj"), 5.5: ("IN", "Pune"), 8: ("SG", "Singapore"), 10: ("AU", "Hobart")}
AWAY = [("FR", "Lyon"), ("JP", "Osaka"), ("US", "Denver"), ("ES", "Valencia"), ("AE", "Dubai"),
        ("PL", "Gdansk"), ("CL", "Santiago")]
# By kind: people a department, share of people with laptops who work at home, weight of the
# cloud account, controllers, opening hours, working days, share of late shifts, public web servers.
KINDS = {
    "clinic": {"departments": {"reception": 6, "nursing": 14, "doctors": 9, "imaging": 4,
                               "billing": 5, "it": 3},
               "home": 0.05, "cloud": 0.5, "ot": 3, "open": (6.5, 19.5), "days": 6,
               "shift": 0.25, "nodes": 2, "word": ["Polyclinic", "Health Centre"]},
    "office": {"departments": {"consulting": 26, "legal": 8, "finance": 6, "people": 4,
                               "sales": 8, "it": 4},
               "home": 0.4, "cloud": 0.8, "ot": 0, "open": (8.2, 18.5), "days": 5,
               "shift": 0.0, "nodes": 2, "word": ["Partners", "Advisory"]},
    "plant": {"departments": {"production": 16, "engineering": 8, "quality": 4,
                              "logistics": 5, "purchasing": 4, "it": 3},
              "home": 0.1, "cloud": 0.35, "ot": 4, "open": (7.0, 16.5), "days": 5,
              "shift": 0.45, "nodes": 2, "word": ["Castings", "Packaging", "Mills"]},
    "shop": {"departments": {"warehouse": 10, "support": 9, "marketing": 6, "developers": 9,
                             "finance": 3, "it": 2},
             "home": 0.3, "cloud": 1.6, "ot": 2, "open": (8.5, 20.0), "days": 6,
             "shift": 0.2, "nodes": 4, "word": ["Outdoor", "Homeware", "Books"]}}
SYLLABLES = ("al bra cor den el fin gra hol in jor kel lun mar nor ol pra quin ros sel tor ul "
             "ver wen xan yor zel bly cas dru").split()
POPULAR = ["www.google.com", "outlook.office365.com", "teams.microsoft.com", "www.linkedin.com",
           "www.youtube.com", "www.bing.com", "fonts.gstatic.com", "www.wikipedia.org",
           "maps.google.com", "www.dropbox.com", "slack.com", "zoom.us", "www.bbc.co.uk",
           "www.amazon.com", "login.microsoftonline.com", "cdn.jsdelivr.net", "www.reddit.com",
           "open.spotify.com", "github.com", "www.canva.com", "www.booking.com",
           "translate.google.com", "www.msn.com", "accounts.google.com", "www.weather.com"]
SOCIAL = ["www.facebook.com", "www.instagram.com", "web.whatsapp.com", "www.tiktok.com",
          "x.com", "www.pinterest.com", "discord.com"]
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0"
APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
AGENTS = {
        "Windows": [f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Safari/537.36",
                    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Safari/537.36 Edg/{{v}}.0.0.0"],
        "macOS": [
        f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {APPLE} Version/18.3 Safari/605.1.15"],
        "Phone": [
        f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_2 like Mac OS X) {APPLE} Mobile/15E148",
        f"Mozilla/5.0 (Linux; Android 15; Pixel 8) {WEBKIT} Mobile Safari/537.36"]}


class Device:
    def __init__(self, name, ip, mac, os, role):
        self.name, self.ip, self.mac, self.os, self.role = name, ip, mac, os, role

    def names(self):
        return {self.name, self.ip, self.mac} | ({"www"} if self.role == "web" else set())


class Person:
    """title: the display name; login: the Windows account; mail: the mailbox."""

    def __init__(self, title, login, mail, dept):
        self.title, self.login, self.mail, self.dept = title, login, mail, dept
        self.joins, self.busy, self.victim = 0, set(), False

    def names(self):
        return {self.login, self.mail} | self.pc.names()


class World(Ground, Zeek, Records):
    """The organisation and everything it writes down."""

    def __init__(self, seed, kind, days):
        super().__init__(seed, kind, days)
        r = self.rnd
        self.par = KINDS[kind]
        self.rotate, self.ja3, self.both_sides = (r.random() < 0.5 for _ in range(3))
        self.asked, self.ja3s, self.keys, self.inits, self.sites = set(), {}, {}, {}, {}
        self.version = str(r.randrange(126, 146))
        self.country, self.city = COUNTRY[self.zone]
        self.culture = r.choice(sorted(FIRST))
        brand = self.word(2).capitalize()
        self.short = brand.lower()
        self.name = f"{brand} {r.choice(self.par['word'])}"
        self.domain = f"{self.short}.{r.choice(['example', 'test', 'example'])}"
        self.realm = f"{r.choice(['AD', 'CORP', 'INT', 'HQ'])}.{self.domain}".upper()
        self.tenant, self.account = self.guid(), str(r.randrange(10 ** 11, 10 ** 12))
        self.region = r.choice(["eu-west-1", "us-east-1", "us-west-2", "ap-southeast-2",
                                "eu-north-1", "ca-central-1"])
        self.hosting = [self.net(r.choice(["US", "NL", "IE", "DE", "SG"]), "-")
                        for _ in range(14)]
        self.homes = [self.net(self.country, self.city) for _ in range(3)]
        self.mobile, self.cloudnet = self.net(self.country, self.city), self.net("US",
                "Ashburn")
        self.runner_net = self.net("US", "Des Moines")
        self.exit_net = self.net(self.country, self.city)
        self.exit_ip = self.ip_in(self.exit_net)
        self.exits = [(0, self.exit_ip)]
        self.lease_time = r.choice([14400, 28800, 86400, 8 * 86400])
        self.networks()
        self.servers()
        self.vendors()
        self.hire()
        self.things()

    # -- names and addresses
    def vendor_name(self, heads, words=2):
        """head.word.example: a place nobody has a name for yet."""
        return f"{self.rnd.choice(heads)}.{self.word(words)}.{self.rnd.choice(['example', 'test'])}"

    def word(self, n=2):
        return "".join(self.rnd.choice(SYLLABLES) for _ in range(n))

    def new_site(self, tld=None):
        """A name nobody has used in this world: www.word.example and the like."""
        while True:
            stem = self.word(self.rnd.choice([2, 2, 3])) + self.rnd.choice(
                    ["", "", "ly", "hub", "-online", "app", "io"])
            head = self.rnd.choice(["www", "www", "app", "portal", "cdn", "api"])
            name = f"{head}.{stem}.{tld or self.rnd.choice(['example', 'example', 'test'])}"
            if name not in self.sites:
                self.addresses(name)
                return name

    def addresses(self, name):
        """The stable addresses of a name."""
        if name not in self.sites:
            net = self.rnd.choice(self.hosting)
            self.sites[name] = [self.ip_in(net) for _ in range(self.rnd.choice([1, 1, 2, 4]))]
        return self.sites[name]

    def networks(self):
        """Private ranges: one of three families, subnets by use."""
        r = self.rnd
        shape = r.randrange(3)
        base = {0: f"10.{r.randrange(1, 250)}", 1: f"172.{r.randrange(17, 31)}",
                2: "192.168"}[shape]
        third = r.sample(range(1, 250), 8)
        self.sub = {n: f"{base}.{third[i]}" for i,
                    n in enumerate(
                ["server", "client", "wifi", "dmz", "guest", "ot", "things", "vpn"])}
        self.used, self.style = {}, r.randrange(4)
        self.macs = [
                f"{r.randrange(0, 256) & 0xfc:02x}:{r.randrange(256):02x}:{r.randrange(256):02x}"
                for _ in range(8)]

    def give(self, sub):
        """The next free address of a subnet."""
        used = self.used.setdefault(sub, set())
        while True:
            n = self.rnd.randrange(10, 250)
            if n not in used:
                used.add(n)
                return f"{self.sub[sub]}.{n}"

    def mac(self, vendor=None):
        return ":".join([vendor or self.rnd.choice(self.macs)]
                        + [self.hexa(2) for _ in range(3)])

    def server(self, role, sub="server", os="Linux"):
        n = sum(1 for s in self.fleet if s.role == role) + 1
        name = [f"{role}{n:02d}", f"{self.short[:3]}-{role}-{n}", f"srv-{role}{n}",
                f"{role.upper()}{n}"][self.style]
        d = Device(name, self.give(sub), self.mac(), os, role)
        self.fleet.append(d)
        return d

    def servers(self):
        self.fleet = []
        self.dc, self.dc2 = self.server("dc", os="Windows"), self.server("dc", os="Windows")
        self.resolver = self.dc.ip
        self.dhcp_server = self.dc2.ip
        self.fs, self.nas, self.app, self.db = (self.server(x, os=o) for x,
                                                o in (("fs", "Windows"), ("nas", "Linux"),
                                                      ("erp", "Windows"), ("db", "Linux")))
        self.printer_server, self.monitor = self.server("print",
                                                        os="Windows"), self.server("mon")
        self.scanner = self.server("vuln")
        self.nodes = [self.server("web", "dmz") for _ in range(self.par["nodes"])]
        self.ci = self.server("build") if self.kind in ("shop", "office") else None
        self.bastion = self.server("jump")
        self.shares = [self.word(1) + x for x in ("data", "-team", "share", "docs")]

    def vendors(self):
        """Places machines call by themselves, and the software services of the departments."""
        name = lambda head: f"{head}.{self.word(2)}.{self.rnd.choice(['example', 'test'])}"
        self.telemetry = [(name("agent"), 900 * self.rnd.choice([2, 4, 4])),
                          ("settings-win.data.microsoft.com", 5400), (name("sync"), 3600)]
        self.updates = [name("dl"), "download.windowsupdate.com"]
        self.revocation = ["ocsp.digicert.com", f"crl.{self.word(2)}.example"]
        self.backup_vendor, self.call_vendor = name("ingest"), name("relay")
        self.saas = {d: [self.new_site("example") for _ in range(3)]
                     for d in self.par["departments"]}
        self.tail = [self.new_site() for _ in range(420)]
        self.partners = [f"{self.word(2)}{self.rnd.choice(['-group', '', 'co'])}.example"
                         for _ in range(30)]
        self.private_mail = [f"{self.word(2)}mail.example" for _ in range(3)]
        self.addr_of = {}

    def mail_ip(self, domain):
        return self.addr_of.setdefault(domain, self.ip_in(self.rnd.choice(self.hosting)))

    def hire(self):
        self.people = []
        for dept, n in self.par["departments"].items():
            for _ in range(max(2, round(n * self.rnd.uniform(0.75, 1.25)))):
                self.people.append(self.person(dept))
        self.it = [p for p in self.people if p.dept == "it"]
        self.devs = [p for p in self.people
                     if p.dept in ("developers", "engineering")][:4] + self.it
        self.contacts = {
                p.mail: [(f"{self.word(2)}@{d}", d) for d in self.rnd.sample(self.partners, 4)]
                for p in self.people}

    def person(self, dept):
        r = self.rnd
        while True:
            pool = self.culture if r.random() < 0.7 else r.choice(sorted(FIRST))
            f, l = r.choice(FIRST[pool].split()), r.choice(LAST[pool].split())
            fl, ll = f.lower(), l.lower()
            login = [f"{fl}.{ll}", f"{fl[0]}{ll}", f"{ll}{fl[0]}", f"{fl}_{ll}"][self.style]
            if not any(p.login == login for p in self.people):
                break
        p = Person(f"{f} {l}", login, f"{login}@{self.domain}", dept)
        os = "macOS" if r.random() < (0.2 if self.kind in ("office", "shop")
                                      else 0.03) else "Windows"
        laptop = r.random() < (0.8 if self.kind in ("office", "shop") else 0.35)
        sub = "wifi" if laptop else "client"
        n = len(self.people) + 1
        name = [f"LT{n:03d}", f"{self.short[:3].upper()}-W{n:04d}",
                f"DESKTOP-{self.hexa(7).upper()}",
                f"{ll[:5].upper()}-PC"][r.choice([self.style, self.style, 2])]
        p.pc = Device(name, self.give(sub), self.mac(), os, "laptop" if laptop else "desktop")
        p.guid, p.device_guid = self.guid(), self.guid()
        p.agent = r.choice(AGENTS[os]).format(v=self.version)
        p.phone_agent = r.choice(AGENTS["Phone"]).format(v=self.version)
        p.home_net = r.choice(self.homes)
        p.home_ip, p.mobile_ip = self.ip_in(p.home_net), self.ip_in(self.mobile)
        p.start = r.gauss(self.par["open"][0] + 0.8,
                          0.6) + (r.choice([0, 6]) if r.random() < self.par["shift"] else 0)
        p.hours = r.choice([8, 8, 9, 5])
        p.remote = laptop and r.random() < self.par["home"]
        p.sites = self.saas[dept] * 3 + r.sample(POPULAR, 9) + r.sample(self.tail, 12)
        p.mates = None
        p.mfa = r.random() < 0.9
        p.share = r.choice(self.shares)
        p.energy = self.log(1, 0.5, 0.3, 3)
        return p

    def things(self):
        """Printers, phones, cameras, control equipment."""
        r = self.rnd
        self.printers = [
                Device(f"PRN-{self.hexa(6).upper()}", self.give("things"), self.mac(),
                       "printer", "printer") for _ in range(4)]
        self.cameras = [Device(f"cam{i}", self.give("things"), self.mac(), "camera", "camera")
                        for i in range(r.randrange(3, 7))]
        self.cam_cloud = f"p2p.{self.word(2)}.example"
        self.printer_cloud = f"eprint.{self.word(2)}.example"
        n = self.par["ot"]
        self.plcs = [Device(f"PLC-{i + 1}", self.give("ot"), self.mac(), "plc", "plc")
                     for i in range(n)]
        self.hmis = [Device(f"HMI{i + 1}", self.give("ot"), self.mac(), "Windows", "hmi")
                     for i in range(max(1, n // 2) if n else 0)]
        self.eng = Device("ENG-WS", self.give("ot"), self.mac(), "Windows",
                          "engineering") if n else None
