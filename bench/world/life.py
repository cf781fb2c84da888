# SPDX-License-Identifier: Apache-2.0
"""The ordinary life of an organisation, day by day, and the habits it rests on."""
from machines import Machines
from people import People
from trouble import Trouble

CALLS = [("ec2", "DescribeInstances", None), ("ec2", "DescribeSecurityGroups", None),
         ("ec2", "DescribeVolumes", None), ("s3", "ListBuckets", None),
         ("s3", "GetBucketLocation", None), ("cloudwatch", "DescribeAlarms", None),
         ("logs", "FilterLogEvents", None), ("logs", "DescribeLogGroups", None),
         ("rds", "DescribeDBInstances", None), ("ecs", "ListServices", None),
         ("ecs", "DescribeTasks", None), ("ecr", "DescribeImages", None),
         ("lambda", "ListFunctions20150331", None), ("cloudformation", "DescribeStacks", None),
         ("route53", "ListHostedZones", None), ("iam", "GetUser", None),
         ("sts", "GetCallerIdentity", None), ("ce", "GetCostAndUsage", None),
         ("ssm", "DescribeInstanceInformation", None)]


class Life(People, Machines, Trouble):
    """Plays every day of a world."""

    def __init__(self, world):
        w = self.w = world
        r = w.rnd
        self.holidays = set(r.sample([d for d in range(w.days) if w.weekday(d) < 5], 1))
        self.vpn_gateway, self.time_ip = w.exit_ip, w.ip_in(r.choice(w.hosting))
        self.apps, self.exposed = {}, {}
        self.app_kind = r.choice(
                [("/usr/bin/node", f"/srv/{w.short}/server.js"),
                 ("/usr/bin/java", f"-jar /srv/{w.short}/app.jar"),
                 ("/usr/sbin/php-fpm8.2", "--nodaemonize"),
                 ("/usr/bin/python3.11", f"/srv/{w.short}/bin/gunicorn app:wsgi")])
        self.app_shells, self.helper, self.friends = r.random() < 0.5, r.choice(
                ["/usr/bin/convert", "/usr/bin/ffprobe", "/usr/bin/wkhtmltopdf",
                 "/usr/sbin/sendmail"]), {}
        self.cspm_ip = w.ip_in(r.choice(w.hosting)) if r.random() < 0.6 else None
        self.cspm_id, self.cspm_account = w.hexa(16).upper(), str(
                r.randrange(10 ** 11, 10 ** 12))
        self.backup_hour = r.choice([20.5, 22, 23, 1, 3])
        self.scraper_ip = w.ip_in(r.choice(w.hosting))
        self.tiers = ["web", "worker", "etl"][:max(1, round(3 * min(1, w.par["cloud"])))]
        self.instances = [(f"i-0{w.hexa(16)}", w.ip_in(w.cloudnet))
                          for _ in range(max(2, round(6 * w.par["cloud"])))]
        self.buckets = [f"{w.short}-{x}-{w.region}"
                        for x in ("incoming", "results", "site", "logs", "backup")]
        self.sso, self.sso_tag = r.random() < 0.6, w.hexa(16)
        self.habits = {p.login: r.sample(CALLS, 5)
                       + [
                ("s3", "PutObject", {"bucketName": self.buckets[2], "key": "index.html"})] * (1
                if r.random() < 0.5 else 0) for p in w.devs}
        self.ot_every = r.choice([60, 90, 120]) if w.kind == "plant" else r.choice([120, 300])
        self.negative_plan()

    def guest_address(self):
        return f"{self.w.sub['guest']}.{self.w.rnd.randrange(20, 250)}"

    def run(self):
        for day in range(self.w.days):
            self.people_day(day)
            self.machines_day(day)
            self.cloud_account(day)
            self.control_day(day)
            self.trouble_day(day)
