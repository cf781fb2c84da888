# SPDX-License-Identifier: Apache-2.0
"""What machines do by themselves: telemetry, time, updates, backups, polling, the cloud
account, servers, control networks."""
from company import SOCIAL

AUDIT = [("ec2", "DescribeInstances"), ("ec2", "DescribeSecurityGroups"),
         ("ec2", "DescribeSnapshots"), ("ec2", "DescribeVpcs"), ("iam", "ListUsers"),
         ("iam", "ListRoles"), ("iam", "ListAccessKeys"), ("iam", "GetAccountPasswordPolicy"),
         ("iam", "GenerateCredentialReport"), ("s3", "ListBuckets"), ("s3", "GetBucketPolicy"),
         ("s3", "GetBucketAcl"), ("s3control", "GetAccountPublicAccessBlock"),
         ("rds", "DescribeDBInstances"), ("kms", "ListKeys"), ("cloudtrail", "DescribeTrails"),
         ("guardduty", "ListDetectors"), ("lambda", "ListFunctions20150331"),
         ("secretsmanager", "ListSecrets"), ("ecr", "DescribeRepositories")]
SDK = "aws-sdk-go-v2/1.30.3 os/linux lang/go#1.22.5 md/GOOS#linux md/GOARCH#amd64"
BOTO = "Boto3/1.34.144 md/Botocore#1.34.144 ua/2.0 os/linux#6.1 md/arch#x86_64 lang/python#3.11.9"
RUNNER = ("aws-cli/2.17.14 md/awscrt#0.20.11 ua/2.0 os/linux#6.5.0-azure md/arch#x86_64 "
          "lang/python#3.11.8 exec-env/GitHubActions")
TERRAFORM = ("APN/1.0 HashiCorp/1.0 Terraform/1.9.2 (+https://www.terraform.io) "
             "terraform-provider-aws/5.58.0 aws-sdk-go-v2/1.30.3")
SCRAPER = "Grafana/11.1.0 aws-sdk-go/1.51.31 (go1.22.4; linux; amd64)"


class Machines:
    """Mixed into Life; self.w is the world."""

    def machine_hours(self, dev, src, begin, end):
        """Background calls of a person's computer while it is on."""
        w = self.w
        for site, every in w.telemetry:
            t = begin + w.rnd.uniform(0, every)
            while t < end:
                w.tls(t, src, site, w.log(1400, 0.4), w.log(3000, 0.6), w.log(1, 0.8, 0.1, 60),
                      program="agent")
                t += every * w.rnd.uniform(0.97, 1.03)
        t = begin + w.rnd.uniform(0, 9000)
        while t < end:
            w.conn(t, src, w.dc.ip if dev.os == "Windows" else self.time_ip, 123, 48, 48, 0.02,
                   "udp", "ntp")
            t += 10240
        for _ in range(w.poisson(0.5)):
            w.http(w.rnd.uniform(begin, end), src, w.rnd.choice(w.revocation), f"/{w.hexa(24)}",
                   agent="Microsoft-CryptoAPI/10.0", got=1900, mime="application/ocsp-response")

    def machines_day(self, day):
        w = self.w
        for s in w.fleet:
            self.server_day(s, day)
        for d in w.printers + w.cameras:
            self.thing_day(d, day)
        self.backup(day)
        self.monitoring(day)
        self.guests(day)
        self.visitors(day)
        if w.weekday(day) == 6:
            self.scan(w.at(day, 2))
        if w.weekday(day) == 2:
            self.updates(day)

    def server_day(self, s, day):
        w = self.w
        site, every = w.telemetry[0]
        t = w.at(day, 0, w.rnd.uniform(0, every / 60))
        while t < w.at(day, 24):
            w.tls(t, s.ip, site, w.log(1500, 0.3), w.log(2500, 0.4), w.log(1, 0.6, 0.1, 30),
                  program="agent")
            t += every * w.rnd.uniform(0.98, 1.02)
        for k in range(3):
            w.conn(w.at(day, 8 * k, w.rnd.uniform(0, 470)), s.ip, self.time_ip, 123, 48, 48,
                   0.02, "udp", "ntp")
        if s.os == "Windows":
            for _ in range(4):
                t = w.at(day, w.rnd.uniform(0, 23.9))
                w.ticket(t, s.ip, s.name + "$", f"ldap/{w.dc2.name}.{w.realm.lower()}",
                         w.dc2.ip)
            w.share(w.at(day, w.rnd.uniform(0, 23)), s.ip, w.dc2, "SYSVOL",
                    [(0.2, "OPEN", f"{w.realm.lower()}\\Policies\\gpt.ini", 22, None)])
        elif w.chance(0.5):
            w.http(w.at(day, 6, w.rnd.uniform(0, 50)), s.ip, "deb.debian.org",
                   "/debian/dists/bookworm/InRelease", agent="Debian APT-HTTP/1.3 (2.6.1)",
                   got=151000, mime="text/plain")
        if s.role == "web":
            self.node_day(s, day)
            for k in range(2):
                w.conn(w.at(day, 12 * k, w.rnd.uniform(0, 5)), s.ip, w.db.ip, 5432,
                       w.log(4e6, 0.4), w.log(3e7, 0.4), 42000, service="postgresql")

    def node_day(self, s, day):
        """A Linux web server under Tetragon: timers, the application, its data base
        connections."""
        w = self.w
        app = self.app_process(s)
        cron = w.exec(s.name, w.at(day, 0, 1), "/usr/sbin/cron", "-f")
        for hour in range(24):
            t = w.at(day, hour, 17) + w.rnd.uniform(0, 2)
            sh = w.exec(s.name, t, "/bin/sh",
                        "-c 'cd / && run-parts --report /etc/cron.hourly'", parent=cron,
                        dur=1.2)
            w.exec(s.name, t + 0.1, "/usr/bin/run-parts", "--report /etc/cron.hourly",
                   parent=sh, dur=1)
            for _ in range(2):
                t = w.at(day, hour, w.rnd.uniform(0, 60))
                w.exec(s.name, t, "/usr/bin/node_exporter_textfile", "--collect", uid=998,
                       dur=0.3)
        for _ in range(w.poisson(14)):
            t = w.at(day, w.rnd.uniform(0, 24))
            w.connects(s.name, t, app, w.init(s.name), s.ip, w.db.ip, 5432,
                       w.rnd.randrange(32768, 60000))
        lr = w.exec(s.name, w.at(day, 0, 5), "/usr/sbin/logrotate", "/etc/logrotate.conf",
                    dur=0.7)
        w.exec(s.name, w.at(day, 0, 5) + 0.3, "/bin/gzip", "/var/log/app/access.log.1",
               parent=lr, dur=0.3)
        if w.chance(0.5):  # the application makes a picture smaller or a PDF now and then
            t = w.at(day, w.rnd.uniform(8, 20))
            for _ in range(1 + w.poisson(2)):
                parent, args = app, f"/srv/{w.short}/up/{w.hexa(6)}.jpg -resize 800 -"
                if self.app_shells:  # many libraries go through a shell
                    parent = w.exec(s.name, t - 0.1, "/bin/sh", f"-c '{self.helper} {args}'",
                                    33, app, f"/srv/{w.short}", dur=1.2)
                w.exec(s.name, t, self.helper, args, uid=33, parent=parent,
                       cwd=f"/srv/{w.short}", dur=1)
                t += w.log(600, 1)
        if w.chance(0.3):
            w.falco(w.at(day, w.rnd.uniform(0, 24)), s.name, "Read sensitive file untrusted",
                    "Warning", "osqueryd", "systemd", "osqueryd --flagfile",
                    "/opt/osquery/bin/osqueryd", tags=["filesystem", "mitre_credential_access"],
                    fd="/etc/shadow")

    def app_process(self, s):
        w = self.w
        if s.name not in self.apps:
            binary, args = self.app_kind
            self.apps[s.name] = w.process(s.name, w.t0 - 4e6, binary, args, 33, w.init(s.name),
                                          f"/srv/{w.short}", pid=1311)
        return self.apps[s.name]

    def visitors(self, day):
        """People and robots of the internet at our web servers."""
        w = self.w
        for s in [n for n in w.fleet if n.role == "web"]:
            since = self.exposed.get(s.name, 0)  # invisible from outside before that
            for _ in range(w.poisson(60 * w.par["cloud"])):
                t = w.at(day, min(23.99, max(0, w.rnd.gauss(14, 4.5))))
                if t > since:
                    w.tls(t, w.ip_in(w.rnd.choice(w.homes + [w.mobile])), f"www.{w.domain}",
                          w.log(2400, 0.6), w.log(50000, 1), w.log(12, 1), ip=s.ip)
            for _ in range(w.poisson(14)):  # scanners of the whole internet
                t = w.at(day, w.rnd.uniform(0, 24))
                ip = w.ip_in(w.rnd.choice(w.hosting))
                x = w.rnd.random()
                if t < since:
                    continue
                if x < 0.5:
                    w.conn(t, ip, s.ip, w.rnd.choice([22, 23, 8080, 3389, 6379, 5900]),
                           state=w.rnd.choice(["S0", "REJ"]))
                else:
                    w.http(t, ip, w.exit_ip,
                           w.rnd.choice(
                            ["/", "/.env", "/wp-login.php", "/actuator/env", "/.git/config",
                             "/robots.txt"]),
                           agent=w.rnd.choice(
                            ["Mozilla/5.0 zgrab/0.x", "curl/8.4.0",
                             "Mozilla/5.0 (compatible; CensysInspect/1.1)"]),
                           code=w.rnd.choice([404, 301, 403]), got=500, dst=s.ip)

    def thing_day(self, d, day):
        w = self.w
        site, every = (w.printer_cloud, 14400) if d.role == "printer" else (w.cam_cloud, 3600)
        t = w.at(day, 0, w.rnd.uniform(0, every / 60))
        while t < w.at(day, 24):
            w.tls(t, d.ip, site, w.log(800, 0.2), w.log(1200, 0.3), w.log(0.8, 0.5),
                  program=d.role)
            t += every * w.rnd.uniform(0.995, 1.005)
        w.lease(w.at(day, 0, 1 + sum(map(ord, d.name)) % 50), w.at(day, 24), d)

    def backup(self, day):
        """Nightly: every server to the store, the store to a vendor outside."""
        w = self.w
        t = w.at(day, self.backup_hour, w.rnd.uniform(0, 8))
        for s in (w.fs, w.app, w.db, w.dc):
            size = w.log(3e9, 0.3) * (6 if w.weekday(day) == 5 else 1)
            w.conn(t, s.ip, w.nas.ip, 10051 if s.os == "Linux" else 445, size, size / 900,
                   size / 9e7)
            t += size / 9e7 + 60
        w.negative("nightly-backup", t - 3600, t + 3600, [w.nas, w.backup_vendor],
                   "as every night")
        w.tls(t, w.nas.ip, w.backup_vendor, w.log(2.5e9, 0.4), 4e6, 2400, program="backup")

    def monitoring(self, day):
        w = self.w
        for s in w.fleet:
            if s is w.monitor:
                continue
            t = w.at(day, 0, w.rnd.uniform(0, 30))
            while t < w.at(day, 24):
                if s.os == "Windows":
                    w.conn(t, w.monitor.ip, s.ip, 161, 90, 120, 0.01, "udp", "snmp")
                else:
                    w.conn(t, w.monitor.ip, s.ip, 9100, 240, 42000, 0.05, service="http")
                t += 1800

    def guests(self, day):
        """Visitors' telephones: new machines every day, social media, video, chat."""
        w = self.w
        if w.weekday(day) >= w.par["days"]:
            return
        for _ in range(w.poisson(4 if w.kind != "plant" else 1)):
            ip, t = self.guest_address(), w.at(day, w.rnd.uniform(9, 17))
            w.dhcp(t, ip, w.mac(),
                   w.rnd.choice(["iPhone", "Galaxy-S23", "Pixel-8", "android-" + w.hexa(8)]),
                   3600)
            for _ in range(w.poisson(12)):
                w.tls(t + w.rnd.uniform(0, 3000), ip, w.rnd.choice(SOCIAL + w.tail[:40]),
                      program="phone")

    def scan(self, t):
        """The weekly scan for weaknesses, from the machine that always does it."""
        w = self.w
        t0 = t
        hosts = [d for d in w.fleet if d is not w.scanner] + w.printers + [p.pc
                for p in w.people[:6]]
        for d in hosts:
            for port in (21, 22, 23, 80, 135, 139, 443, 445, 3389, 5432, 5900, 8080):
                open_ = (d.os == "Windows" and port in (135, 445, 3389)) or (d.os == "Linux"
                        and port in (22,))
                w.conn(t, w.scanner.ip, d.ip, port, 200, 300, 0.2,
                       state="SF" if open_ else w.rnd.choice(["REJ", "S0"]))
                t += w.log(0.6, 0.6)
        w.negative("weekly-scan", t0, t, [w.scanner],
                   "the scan for weaknesses that runs every week")

    def updates(self, day):
        """Update day: much comes down in a short time, many programs start."""
        w = self.w
        for p in w.people:
            if w.chance(0.7):
                t = w.at(day, w.rnd.uniform(11, 14))
                for _ in range(w.rnd.choice([1, 2, 3])):
                    w.http(t, p.pc.ip, w.updates[1], f"/c/msdownload/update/{w.hexa(20)}.cab",
                           agent="Microsoft-Delivery-Optimization/10.1", got=w.log(3e7, 1),
                           mime="application/vnd.ms-cab-compressed")
                    t += w.log(40, 1)
        for s in w.fleet:
            if s.os == "Linux" and s.role == "web":
                t = w.at(day, 4, w.rnd.uniform(0, 40))
                sh = w.exec(s.name, t, "/usr/bin/unattended-upgrade", "", dur=300)
                for k in range(1 + w.poisson(4)):
                    d = w.exec(s.name, t + 20 + 9 * k, "/usr/bin/dpkg",
                               f"--unpack /var/cache/apt/archives/lib{w.word()}_1.{k}_amd64.deb",
                               parent=sh, dur=4)
                    w.exec(s.name, t + 22 + 9 * k, "/bin/sh",
                           f"/var/lib/dpkg/info/lib{w.word()}.postinst configure", parent=d,
                           dur=1)

    # -- the cloud account
    def posture(self, t):
        """The nightly look of a hired tool at how the account is configured: many reading calls
        from its maker's address."""
        w = self.w
        who = w.role(f"{w.short}-posture-audit", "cspm", t, 1)
        w.aws(t,
              {"type": "AWSAccount", "principalId": "AROA" + self.cspm_id + ":cspm",
               "accountId": self.cspm_account}, "sts", "AssumeRole", self.cspm_ip, BOTO,
              {"roleArn": f"arn:aws:iam::{w.account}:role/{w.short}-posture-audit",
               "roleSessionName": "cspm"})
        for svc, call in AUDIT:
            for _ in range(w.rnd.choice([1, 1, 2, 3])):
                t += w.log(0.8, 0.7)
                w.aws(t, who, svc, call, self.cspm_ip, BOTO,
                      error="AccessDenied" if call == "GetAccountPublicAccessBlock" else None)

    def cloud_account(self, day):
        w = self.w
        k = w.par["cloud"]
        work = w.weekday(day) < 5 and day not in self.holidays
        for hour in range(24):  # a scraper of metrics, every ten to twenty minutes
            for _ in range(3):
                w.aws(w.at(day, hour, w.rnd.uniform(0, 60)), w.iam("metrics-reader"),
                      "monitoring", "GetMetricData", self.scraper_ip, SCRAPER)
        for n, (inst, addr) in enumerate(self.instances):
            who = f"{w.short}-{self.tiers[n % len(self.tiers)]}"
            for _ in range(w.poisson(16 * k)):
                t = w.at(day, w.rnd.uniform(0, 24))
                call, req = w.rnd.choice(
                        [
                        ("GetObject",
                         {"bucketName": self.buckets[0], "key": f"in/{w.hexa(8)}"}),
                        ("PutObject",
                         {"bucketName": self.buckets[1], "key": f"out/{w.hexa(8)}"}),
                        ("GetSecretValue", {"secretId": f"{w.short}/db"})])
                w.aws(t, w.role(who, inst, t, 6),
                      "secretsmanager" if call == "GetSecretValue" else "s3", call, addr, SDK,
                      req)
            for hour in (1, 9, 17):
                t = w.at(day, hour, w.rnd.uniform(0, 59))
                w.aws(t, w.role(who, inst, t, 6), "ssm", "UpdateInstanceInformation", addr,
                      "amazon-ssm-agent/3.3.484.0", {"instanceId": inst}, ro=False)
        for _ in range(w.poisson(30 * k)):
            t = w.at(day, w.rnd.uniform(0, 24))
            svc = w.rnd.choice(["lambda", "config", "ecs-tasks", "autoscaling"])
            w.aws(t, {"type": "AWSService", "invokedBy": f"{svc}.amazonaws.com"}, "sts",
                  "AssumeRole", f"{svc}.amazonaws.com", f"{svc}.amazonaws.com",
                  {"roleArn": f"arn:aws:iam::{w.account}:role/{w.short}-{svc}",
                   "roleSessionName": w.hexa(8)})
        if self.cspm_ip:
            self.posture(w.at(day, 4, w.rnd.uniform(0, 20)))
        if work:
            for p in w.devs:
                if w.chance(0.7):
                    self.engineer(p, day)
            for _ in range(w.poisson(2.5 * k)):
                self.pipeline(w.at(day, w.rnd.uniform(9, 18)))

    def engineer(self, p, day):
        """An engineer in the console or on the command line."""
        w = self.w
        t = w.at(day, w.rnd.uniform(9, 16))
        ip = w.exit_ip if not (p.remote and w.chance(0.6)) else p.home_ip
        who = self.principal(p, t)
        agent = p.agent if w.chance(0.5) else self.cli(p)
        if agent == p.agent:
            w.console(t, who, ip, agent)
        for _ in range(1 + w.poisson(9)):
            t += w.log(40, 1.1, 1, 1500)
            svc, call, req = w.rnd.choice(self.habits[p.login])
            w.aws(t, self.principal(p, t), svc, call, ip, agent, req)
        if w.chance(0.12):
            w.aws(t + 30, self.principal(p, t), "iam", "ListUsers", ip, agent,
                  error="AccessDenied")

    def principal(self, p, t):
        w = self.w
        if self.sso and p.dept != "it":
            return w.role(f"AWSReservedSSO_Developer_{self.sso_tag}", p.mail, t, 8, True)
        return w.iam(p.login)

    def cli(self, p):
        n, os = sum(map(ord, p.login)), "macos#23.5" if p.pc.os == "macOS" else "windows#10"
        return f"aws-cli/2.{15 + n % 3}.{n % 40} md/awscrt#0.19.19 ua/2.0 os/{os} lang/python#3.11.8"

    def pipeline(self, t, ip=None):
        """A deployment by the pipeline: a web identity becomes a role, the role ships an image,
        the servers restart."""
        w = self.w
        ip = ip or w.ip_in(w.runner_net)
        sess = "GitHubActions"
        w.aws(t,
              {"type": "WebIdentityUser",
               "principalId": f"repo:{w.short}/shop:ref:refs/heads/main",
               "userName": f"repo:{w.short}/shop",
               "identityProvider": "token.actions.githubusercontent.com"}, "sts",
              "AssumeRoleWithWebIdentity", ip, RUNNER,
              {"roleArn": f"arn:aws:iam::{w.account}:role/{w.short}-deploy",
               "roleSessionName": sess})
        for svc, call in (("ecr", "GetAuthorizationToken"), ("ecr", "InitiateLayerUpload"),
                          ("ecr", "PutImage"), ("ecs", "DescribeServices"),
                          ("ecs", "RegisterTaskDefinition"), ("ecs", "UpdateService"),
                          ("s3", "PutObject"), ("cloudfront", "CreateInvalidation")):
            t += w.log(8, 0.8)
            w.aws(t, w.role(f"{w.short}-deploy", sess, t, 1), svc, call, ip, RUNNER,
                  {"bucketName": self.buckets[2]} if svc == "s3"
                  else {"repositoryName": w.short} if svc == "ecr" else None)
        for s in w.nodes[:2]:
            t += 20
            sh = w.exec(s.name, t, "/bin/bash", "/opt/deploy/run.sh", dur=30)
            w.exec(s.name, t + 1, "/usr/bin/tar",
                   f"xzf /opt/deploy/rel-{w.hexa(7)}.tgz -C /srv/{w.short}", parent=sh, dur=5)
            w.exec(s.name, t + 7, "/usr/bin/systemctl", "restart app", parent=sh, dur=2)

    # -- control networks
    def control_day(self, day):
        w = self.w
        if not w.plcs:
            return
        for n, plc in enumerate(w.plcs):
            hmi = w.hmis[n % len(w.hmis)]
            every = self.ot_every
            for hour in range(24):
                t = w.at(day, hour, 0.1) + w.rnd.uniform(0, 2)
                calls = [
                        (k * every + w.rnd.uniform(0, 0.4),
                         "READ_HOLDING_REGISTERS" if k % 3 else "READ_COILS")
                        for k in range(int(3590 / every))]
                if 6 <= hour <= 20 and w.weekday(day) < w.par["days"]:
                    for _ in range(w.poisson(0.6)):
                        calls.append(
                                (w.rnd.uniform(1, 3580),
                                 w.rnd.choice(
                                ["WRITE_SINGLE_REGISTER", "WRITE_SINGLE_REGISTER",
                                 "WRITE_SINGLE_COIL"])))
                w.modbus(t, hmi.ip, plc.ip, sorted(calls), 3595)
        for h in w.hmis:
            for k in range(2):
                w.lookup(w.at(day, 12 * k, w.rnd.uniform(0, 600)), h.ip,
                         f"{w.dc.name.lower()}.{w.realm.lower()}", [w.dc.ip], server=w.dc2.ip)
                w.conn(w.at(day, 12 * k, w.rnd.uniform(0, 600)), h.ip, w.dc.ip, 123, 48, 48,
                       0.02, "udp", "ntp")
            w.share(w.at(day, 23, w.rnd.uniform(0, 30)), h.ip, w.fs, "historian",
                    [(1, "WRITE", f"{h.name}\\{day:02d}.csv", 9e5, None)], sent=9e5, got=4000)
        if w.chance(0.25) and w.weekday(day) < 5:
            t = w.at(day, w.rnd.uniform(8, 15))
            for plc in w.rnd.sample(w.plcs, min(2, len(w.plcs))):
                w.modbus(t, w.eng.ip, plc.ip,
                         [(k * 2.0, "READ_HOLDING_REGISTERS") for k in range(30)], 70)
                t += 100
