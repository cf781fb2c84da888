# SPDX-License-Identifier: Apache-2.0
"""Benign trouble, on purpose: what happens in every organisation and looks like an attack to
whoever counts first times.

Each entry of PLAN is (method, how many in three weeks, kinds where it happens or None for all).
Days are drawn at random."""
from company import Device
from machines import SDK, TERRAFORM
from trouble_people import PeopleTrouble

PLAN = [("backup_job", 1, None), ("scan_ad_hoc", 1, None),
        ("terraform", 3, ("shop", "office", "clinic")), ("reset", 4, None), ("joiner", 2, None),
        ("travel", 2, None), ("provider_change", 1, None),
        ("vendor_visit", 2, ("plant", "clinic", "shop")), ("program_update", 2, None),
        ("new_printer", 1, None), ("new_monitor", 1, None), ("big_upload", 3, None),
        ("new_saas", 1, None), ("new_device", 2, None), ("sort_rule", 4, None),
        ("password_storm", 2, None), ("mass_mail", 1, None), ("night_admin", 2, None),
        ("restore", 1, None), ("packing", 2, None), ("key_rotation", 1, None),
        ("new_release", 3, None), ("open_link", 3, None), ("out_of_office", 2, None),
        ("private_address", 2, None), ("spray", 2, None), ("tidy_mailbox", 1, None),
        ("incident_drill", 1, ("shop", "office")), ("autoscale", 4, ("shop",)),
        ("new_region", 1, ("shop", "office")), ("test_tunnel", 1, None),
        ("old_cipher", 1, None), ("phone_tether", 1, ("office", "clinic")),
        ("reboot", 2, ("plant", "clinic", "shop")), ("private_vpn", 2, None),
        ("new_phone", 2, None), ("hotspot", 2, None), ("copy_folder", 2, None),
        ("denied_app", 1, None), ("new_engineer", 1, ("shop", "office")),
        ("assistant", 1, None), ("remote_help", 1, None)]


class Trouble(PeopleTrouble):
    """Mixed into Life; self.w is the world."""

    def negative_plan(self):
        w = self.w
        self.plan = {}
        for name, n, kinds in PLAN:
            if kinds and w.kind not in kinds:
                continue
            for _ in range(w.poisson(n * w.days / 21)):
                self.plan.setdefault(w.rnd.randrange(w.days), []).append(name)

    def trouble_day(self, day):
        w = self.w
        if w.weekday(day) > 4:
            late = [n for n in self.plan.get(day, [])
                    if n not in ("restore", "night_admin", "spray", "autoscale")]
            if day + 1 < w.days:
                self.plan.setdefault(day + 1, []).extend(late)
            self.plan[day] = [n for n in self.plan.get(day, []) if n not in late]
        for name in self.plan.get(day, []):
            getattr(self, "on_" + name)(day)

    def someone(self, dept=None):
        w = self.w
        pool = [p for p in w.people if (dept is None or p.dept == dept) and not p.joins
                and not p.victim]
        return w.rnd.choice(pool or w.people)

    def hour(self, day, low=9, high=17):
        return self.w.at(day, self.w.rnd.uniform(low, high))

    def on_backup_job(self, day):
        """A new backup job: one server sends much to a place it never used, for the rest of the
        time, at night."""
        w = self.w
        s, site = w.rnd.choice([w.db, w.app]), f"vault.{w.word()}.example"
        for d in range(day, w.days):
            t = w.at(d, 2, w.rnd.uniform(0, 9))
            w.tls(t, s.ip, site, w.log(1.2e9, 0.3), 2e6, 1500, program="backup")
        w.negative("new-backup-job", w.at(day, 2), w.at(w.days, 0), [s, site],
                   "nightly backup to a new vendor")

    def on_scan_ad_hoc(self, day):
        w = self.w
        t = self.hour(day)
        src = w.it[0].pc
        for d in w.fleet:
            for port in (22, 80, 443, 445, 3389):
                w.conn(t, src.ip, d.ip, port, 120, 100, 0.05,
                       state=w.rnd.choice(["SF", "REJ", "S0"]))
                t += w.log(0.4, 0.5)
        w.negative("inventory-scan", t - 300, t, [w.it[0]],
                   "IT takes stock with a port scanner")

    def on_terraform(self, day):
        w = self.w
        t0 = t = self.hour(day, 10, 17)
        who = lambda t: w.role(f"{w.short}-terraform", "tf-" + w.devs[0].login, t, 1)
        for _ in range(w.rnd.randrange(40, 160)):
            t += w.log(0.7, 0.8)
            svc, call = w.rnd.choice(
                    [("ec2", "DescribeVpcs"), ("ec2", "DescribeSubnets"), ("iam", "GetRole"),
                     ("iam", "ListRolePolicies"), ("s3", "GetBucketPolicy"),
                     ("s3", "GetBucketEncryption"), ("ec2", "DescribeSecurityGroups"),
                     ("lambda", "GetFunction"), ("iam", "GetPolicyVersion"),
                     ("rds", "DescribeDBInstances")])
            w.aws(t, who(t), svc, call, w.exit_ip, TERRAFORM)
        for svc, call, req in (("iam", "CreateRole", {"roleName": f"{w.short}-{w.word()}"}),
                               ("iam", "AttachRolePolicy",
                                {
                "policyArn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}),
                               ("ec2", "AuthorizeSecurityGroupIngress",
                                {"groupId": "sg-0" + w.hexa(16)}),
                               ("s3", "PutBucketPolicy", {"bucketName": self.buckets[3]}),
                               ("lambda", "UpdateFunctionCode20150331v2",
                                {"functionName": w.short + "-fn"})):
            t += w.log(3, 0.6)
            if w.chance(0.6):
                w.aws(t, who(t), svc, call, w.exit_ip, TERRAFORM, req)
        w.negative("terraform-burst", t0, t, [f"{w.short}-terraform"],
                   "infrastructure as code is applied")

    def on_provider_change(self, day):
        """The organisation's way out changes its provider: every account comes from a new
        address at once."""
        w = self.w
        w.exit_net = w.net(w.country, w.city)
        old, w.exit_ip = w.exit_ip, w.ip_in(w.exit_net)
        self.vpn_gateway = w.exit_ip
        w.exits.append((w.at(day, 0), w.exit_ip))
        w.negative("provider-change", w.at(day, 0), w.at(day + 2, 0), [w.exit_ip, old],
                   "new internet provider, new address")

    def on_vendor_visit(self, day):
        """The maker of the controllers logs in from outside and changes parameters,
        announced."""
        w = self.w
        if not w.plcs:
            return
        t, ip = self.hour(day), w.ip_in(w.rnd.choice(w.homes))
        w.conn(t, ip, self.vpn_gateway, 443, 4e6, 9e6, 5400, service="ssl")
        w.rdp(t + 100, self.vpn_client(), w.eng.ip, "vendor", 5000)
        for plc in w.rnd.sample(w.plcs, min(3, len(w.plcs))):
            w.modbus(t + 400, w.eng.ip, plc.ip,
                     [
                    (k * 3.0,
                     w.rnd.choice(["READ_HOLDING_REGISTERS"] * 4
                                  + ["WRITE_MULTIPLE_REGISTERS",
                                     "READ_WRITE_MULTIPLE_REGISTERS"])) for k in range(80)],
                     260)
            t += 500
        w.negative("vendor-maintenance", t - 1500, t + 4000, [w.eng, ip],
                   "announced maintenance by the vendor")

    def vpn_client(self):
        return self.w.give("vpn")

    def on_program_update(self, day):
        """A program of everybody updates itself from a place that is new."""
        w = self.w
        site = f"update.{w.word()}.example"
        t = self.hour(day, 9, 12)
        for p in w.people:
            if w.chance(0.6):
                w.tls(t + w.rnd.uniform(0, 9000), p.pc.ip, site, 1500, w.log(6e7, 0.3),
                      w.log(20, 0.5), program="updater")
        w.negative("software-update", t, t + 9000, [site],
                   "an installed program fetches its new version")

    def on_new_printer(self, day):
        w = self.w
        d = Device(f"PRN-{w.hexa(6).upper()}", w.give("things"), w.mac(), "printer", "printer")
        w.printers.append(d)
        t = self.hour(day)
        w.dhcp(t, d.ip, d.mac, d.name, 86400)
        for p in w.people[::2]:
            w.conn(t + w.rnd.uniform(60, 20000), p.pc.ip, d.ip, 9100, 300000, 400, 6)
        w.negative("new-printer", t, t + 20000, [d], "a new printer")

    def on_new_monitor(self, day):
        """A monitoring tool on trial: steady calls to its maker from every server."""
        w = self.w
        site = f"otlp.{w.word()}.example"
        for s in w.fleet[:6]:
            t = self.hour(day, 10, 11)
            while t < w.at(min(w.days, day + 2), 10):
                w.tls(t, s.ip, site, w.log(2600, 0.2), 700, 0.4, program="otel")
                t += 300 * w.rnd.uniform(0.99, 1.01)
        w.negative("monitoring-trial", w.at(day, 10), w.at(day + 2, 10), [site] + w.fleet[:6],
                   "a monitoring service on trial")

    def on_big_upload(self, day):
        w = self.w
        p, t = self.someone(), self.hour(day)
        site = w.rnd.choice(
                ["www.wetransfer.com", f"files.{w.rnd.choice(w.partners)}",
                 w.rnd.choice(p.sites)])
        w.tls(t, p.pc.ip, site, w.log(9e8, 0.8), 3e5, w.log(300, 0.5))
        w.negative("big-upload", t, t + 600, [p, site], "a large delivery to a customer")

    def on_new_device(self, day):
        """Somebody's replacement computer, or an appliance that is simply plugged in."""
        w = self.w
        d = Device(f"NEW-{w.hexa(5).upper()}", w.give("things"), w.mac(), "appliance",
                   "appliance")
        site, every = f"hub.{w.word()}.example", w.rnd.choice([60, 300, 600, 1800])
        t = self.hour(day)
        w.dhcp(t, d.ip, d.mac, d.name, 86400)
        end = min(w.at(w.days, 0), t + 86400 * (0.5 if every < 100 else 3))
        while t < end:
            w.tls(t, d.ip, site, w.log(700, 0.1), w.log(900, 0.2), 0.4, program="appliance")
            t += every * w.rnd.uniform(0.98, 1.02)
        w.negative("new-device", self.w.at(day, 8), end, [d, site],
                   "a meeting-room screen, a vacuum cleaner, a coffee machine")

    def on_night_admin(self, day):
        w = self.w
        a, t = w.rnd.choice(w.it), w.at(day, w.rnd.uniform(21, 23.5))
        src = self.vpn_address(a)
        w.conn(t - 60, a.home_ip, self.vpn_gateway, 443, 4e6, 2e7, 6000, service="ssl")
        self.logon(a, src, t - 30)
        for s in w.rnd.sample(w.fleet, 4):
            if s.os == "Windows":
                w.rdp(t, src, s.ip, "adm-" + a.login, w.log(700, 0.5))
            else:
                w.ssh(t, src, s.ip, w.log(500, 0.5))
            t += w.log(400, 0.5)
        w.negative("night-maintenance", t - 3000, t + 2000, [a, src],
                   "planned work in the evening")

    def on_restore(self, day):
        """Many files come back onto a share in a short time."""
        w = self.w
        t = w.at(day, w.rnd.uniform(6, 20))
        share = w.rnd.choice(w.shares)
        for part in range(3):
            w.share(t, w.nas.ip, w.fs, share,
                    [(k * 0.4, "WRITE", f"restore\\old_{part}_{k}.docx", w.log(80000, 1), None)
                     for k in range(120)], sent=4e7, got=90000, dur=60)
            t += 90
        w.negative("restore", t - 270, t, [w.nas], "a folder is restored from the backup")

    def on_packing(self, day):
        """Old projects are zipped and renamed by their owner."""
        w = self.w
        p, t = self.someone(), self.hour(day)
        acts = []
        for k in range(w.rnd.randrange(30, 90)):
            acts.append((k * 2.0, "OPEN", f"{p.dept}\\old_{k}.docx", w.log(80000, 1), None))
            if k % 2:
                acts.append(
                        (k * 2.0 + 0.5, "RENAME", f"{p.dept}\\archive_old_{k}.docx", 80000,
                         f"{p.dept}\\old_{k}.docx"))
        acts.append((acts[-1][0] + 30, "WRITE", f"{p.dept}\\old.zip", 4e8, None))
        w.share(t, p.pc.ip, w.fs, p.share, acts, sent=4e8, got=5e8)
        w.negative("tidying-up", t, t + 400, [p], "old files are renamed and packed")

    def on_key_rotation(self, day):
        w = self.w
        a = w.it[0]
        t = self.hour(day)
        for call, req in (("ListAccessKeys", None),
                          ("CreateAccessKey", {"userName": "metrics-reader"}),
                          ("UpdateAccessKey",
                           {"userName": "metrics-reader", "status": "Inactive"}),
                          ("DeleteAccessKey", {"userName": "metrics-reader"})):
            w.aws(t, w.iam(a.login), "iam", call, w.exit_ip, a.agent, req,
                  {"accessKey": {"userName": "metrics-reader", "accessKeyId": w.new_key()}}
                  if call == "CreateAccessKey" else None)
            t += w.log(60, 0.8)
        w.keys["key:metrics-reader"] = w.new_key()
        w.negative("key-rotation", t - 400, t, [a, "metrics-reader"],
                   "keys are changed as every quarter")

    def on_new_release(self, day):
        """A release with new programs: a migration tool, a new service binary, a new place to
        call."""
        w = self.w
        t, s = self.hour(day), w.rnd.choice(w.nodes)
        self.pipeline(t)
        sh = w.exec(s.name, t + 120, "/bin/bash", "/opt/deploy/migrate.sh", dur=60)
        w.exec(s.name, t + 123, f"/srv/{w.short}/bin/{w.word()}", "--apply", uid=33, parent=sh,
               cwd=f"/srv/{w.short}", dur=40)
        api = f"api.{w.word()}.example"
        for k in range(6):
            w.tls(t + 300 + 1200 * k, s.ip, api, 1500, 4000, 1, program="app")
        w.negative("new-release", t, t + 8000, [s, api], "a release with new parts")

    def on_incident_drill(self, day):
        """The security hour: an engineer looks at everything in the cloud account."""
        w = self.w
        p = w.rnd.choice(w.devs)
        t0 = t = self.hour(day)
        for k in range(50):
            svc, call = w.rnd.choice(
                    [("iam", "ListUsers"), ("iam", "ListRoles"), ("iam", "ListAccessKeys"),
                     ("iam", "GetAccountAuthorizationDetails"), ("cloudtrail", "LookupEvents"),
                     ("cloudtrail", "DescribeTrails"), ("guardduty", "ListDetectors"),
                     ("s3", "GetBucketAcl"), ("s3", "GetBucketPolicyStatus"),
                     ("kms", "ListKeys")])
            w.aws(t, self.principal(p, t), svc, call, w.exit_ip, self.cli(p))
            t += w.log(5, 1)
        w.negative("review-of-rights", t0, t, [p], "a quarterly review of rights")

    def on_autoscale(self, day):
        w = self.w
        t = self.hour(day, 17, 22)
        for _ in range(w.rnd.randrange(2, 6)):
            inst, addr = f"i-0{w.hexa(16)}", w.ip_in(w.cloudnet)
            w.aws(t, {"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"}, "ec2",
                  "RunInstances", "autoscaling.amazonaws.com", "autoscaling.amazonaws.com",
                  {"instanceType": "c6i.large", "imageId": "ami-0" + w.hexa(16)},
                  {"instancesSet": {"items": [{"instanceId": inst}]}})
            for k in range(12):
                u = t + 120 + k * 300
                w.aws(u, w.role(f"{w.short}-web", inst, u, 6), "s3", "GetObject", addr,
                      "aws-sdk-go-v2/1.30.3 os/linux lang/go#1.22.5",
                      {"bucketName": self.buckets[0], "key": w.hexa(6)})
            t += 40
        w.negative("autoscaling", t - 300, t + 4000, [f"{w.short}-web"],
                   "the evening sale needs more servers")

    def on_new_region(self, day):
        w = self.w
        p, t = w.rnd.choice(w.devs), self.hour(day)
        for svc, call in (("ec2", "DescribeInstances"), ("ec2", "DescribeImages"),
                          ("ec2", "DescribeVpcs"), ("ec2", "RunInstances"),
                          ("ec2", "TerminateInstances")):
            w.aws(t, self.principal(p, t), svc, call, w.exit_ip, p.agent,
                  {"instanceType": "t3.small", "imageId": "ami-0" + w.hexa(16)}
                  if call == "RunInstances" else None,
                  {"instancesSet": {"items": [{"instanceId": "i-0" + w.hexa(16)}]}}
                  if call == "RunInstances" else None, region="ap-northeast-1")
            t += w.log(60, 0.5)
        w.negative("new-region", t - 500, t, [p], "a test in a region that is not used")

    def on_test_tunnel(self, day):
        """A security product that asks DNS for hashes: many long names under one domain,
        benign."""
        w = self.w
        t0 = t = self.hour(day)
        dom, p = f"rep.{w.word()}.example", self.someone()
        for _ in range(250):
            w.lookup(t, p.pc.ip, f"{w.hexa(32)}.{dom}", ["127.0.0.4"], ttl=600)
            t += w.log(12, 1)
        w.negative("reputation-lookups", t0, t, [p, dom], "file hashes are looked up over DNS")

    def on_old_cipher(self, day):
        w = self.w
        t, p = self.hour(day), self.someone()
        for k in range(3):
            w.ticket(t + k * 50, p.pc.ip, p.login, f"HTTP/{w.app.name}.{w.realm.lower()}",
                     cipher="rc4-hmac")
        w.negative("old-cipher", t, t + 200, [p], "an old application that asks for RC4")

    def on_phone_tether(self, day):
        """A laptop on the guest network for an afternoon."""
        w = self.w
        p, t = self.someone(), self.hour(day, 11, 14)
        ip = self.guest_address()
        w.dhcp(t, ip, p.pc.mac, p.pc.name, 3600)
        for _ in range(20):
            w.tls(t + w.rnd.uniform(10, 9000), ip, w.rnd.choice(p.sites))
        w.negative("laptop-on-guest-network", t, t + 9000, [ip, p],
                   "the office network is slow today")

    def on_reboot(self, day):
        """A station of the control network is started anew and asks for its address, as it does
        once in months."""
        w = self.w
        if not w.hmis:
            return
        d, t = w.rnd.choice(w.hmis + [w.eng]), self.hour(day, 5, 8)
        w.dhcp(t, d.ip, d.mac, d.name, 8 * 86400)
        w.negative("station-restart", t, t + 86400, [d], "a control station is restarted")

    def on_copy_folder(self, day):
        """A whole project folder is copied to a laptop before a visit to a customer."""
        w = self.w
        p, t = self.someone(), self.hour(day)
        n = w.rnd.randrange(150, 500)
        w.share(t, p.pc.ip, w.fs, p.share,
                [(k * 0.6, "OPEN", f"{p.dept}\\project\\f_{k}.pdf", w.log(3e5, 1), None)
                 for k in range(n)], sent=n * 900, got=n * 3e5)
        w.negative("copied-folder", t, t + n, [p], "a project folder is copied")

    def on_denied_app(self, day):
        """A release forgot a permission: the application is refused hundreds of times until
        somebody sees it."""
        w = self.w
        inst, addr = w.rnd.choice(self.instances)
        n, t = self.instances.index((inst, addr)), self.hour(day)
        who = f"{w.short}-{self.tiers[n % len(self.tiers)]}"
        for k in range(w.rnd.randrange(60, 200)):
            w.aws(t + 20 * k, w.role(who, inst, t, 6), "sqs", "SendMessage", addr, SDK,
                  {"queueUrl": f"https://sqs/{w.short}-jobs"}, error="AccessDenied", ro=False)
        w.negative("missing-permission", t, t + 4000, [who, inst, addr],
                   "a release forgot a permission")

    def on_remote_help(self, day):
        """The maker of a program helps over a remote-control service that is new here."""
        w = self.w
        p, t = self.someone(), self.hour(day)
        site = w.rnd.choice(
                ["relay.teamviewer.com", "relay.anydesk.com", "g2ax.gotoassist.com"])
        w.tls(t, p.pc.ip, site, w.log(2e7, 0.6), 6e6, 1500, program="remote-help", always=True)
        w.negative("remote-help", t, t + 1600, [p, site],
                   "a vendor helps over a remote-control service")
