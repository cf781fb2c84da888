# SPDX-License-Identifier: Apache-2.0
"""The attacks on mail, identities and the cloud account."""
from machines import BOTO, SDK

KALI = "aws-cli/1.29.57 Python/3.11.6 Linux/6.5.0-kali3-amd64 botocore/1.31.57"
LINUX = (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/121.0.0.0 "
        "Safari/537.36")
OPEN_POLICY = '{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*"}]}'
PRETEXTS = [
        ("Fwd: invoice, please look at it",
         "Could you look at this, I cannot open it on my side?"),
        ("Documents as discussed",
         "Here are the documents we talked about, valid until tonight."),
        ("Photos from last week", "Finally the photos, the link is below."),
        ("Changed bank details", "Please confirm our new details on the page below.")]


class CloudAttacks:
    """Mixed into Attacks."""

    def exit_at(self, t):
        """The organisation's own address at that moment (it may change its provider)."""
        return [ip for since, ip in self.w.exits if since <= t][-1]

    def foreign(self, quiet=False):
        """(address, range) from which an account is abused: abroad, or, quiet, in the country
        but at a hoster."""
        w = self.w
        net = w.net(w.country,
                    w.city) if quiet else w.net(
                w.rnd.choice(
                [c for c in ["NG", "RU", "VN", "NL", "BG", "US"] if c != w.country]), "-")
        return w.ip_in(net), net

    def phish_known(self, name, day, v):
        """A correspondent's private mailbox is taken over and writes a link; the link takes the
        session."""
        w = self.w
        p, day = self.victim(), self.workday(day)
        dom = w.rnd.choice(w.private_mail)
        friend = f"{w.word(2)}.{w.word(1)}@{dom}"
        title = friend.split("@")[0].replace(".", " ").title()

        def play():
            s = w.scenario(name, v,
                           ["a link to a new place, clicked at once, session used from abroad",
                            "the same in an answer, used from the country",
                            "one link, clicked hours later, session used once"][v])
            last = None
            for k in range(w.rnd.randrange(6, 14)):  # the history: real conversations
                t = w.at(w.rnd.randrange(0, day), w.rnd.uniform(8, 20))
                last = w.message(t, friend, title, [p.mail], self.life.subject(),
                                 self.life.text(), w.mail_ip(dom),
                                 refer=f"<{w.hexa(24)}@{w.domain}>" if w.chance(0.6) else None,
                                 links=[("Photos", f"https://www.dropbox.com/s/{w.hexa(8)}")]
                                 if w.chance(0.1) else [])
                if w.chance(0.5):
                    self.life.send(p, t + w.log(5000, 1), self.exit_at(t), [friend])
            t = w.at(day, w.rnd.uniform(9, 14))
            site, ip = self.bad_place(v == 2)
            subject, text = w.rnd.choice(PRETEXTS)
            who = [p.mail, p.login]
            with w.step(s, "mail-delivered", who + [friend, site],
                        note="the sender is known, the link is not"):
                w.message(t, friend, title, [p.mail], ("Re: " if v else "") + subject,
                          f"Hello,\n{text}\n{title}", w.mail_ip(dom), refer=last if v else None,
                          links=[
                        ("https://www.dropbox.com/s/documents" if v == 0
                         else "Open the document", f"https://{site}/{w.hexa(10)}")])
            c = t + [w.log(300, 0.5), w.log(2000, 0.5), w.log(12000, 0.3)][v]
            with w.step(s, "link-clicked", [p, site, ip]):
                w.tls(c, p.pc.ip, site, 2400, 90000, 8, always=True)
                w.tls(c + 20, p.pc.ip, site, 4100, 20000, 5)
                w.tls(c + 45, p.pc.ip, site, 5200, 9000, 4)
            src, net = self.foreign(v > 0)
            u = c + w.log(900, 0.8)
            with w.step(s, "session-used-elsewhere", who + [src]):
                w.signin(u, p, src, net,
                         p.agent if v
                         else LINUX,
                         "OfficeHome", mfa=True, interactive=v == 0, managed=False)
            with w.step(s, "mailbox-read", who + [src]):
                for k in range([20, 6, 2][v]):
                    w.mail_read(u + 60 + k * w.log(30, 0.8), p, src,
                                "Client=OWA;Action=ViaProxy", 6)
            if v < 2:
                with w.step(s, "files-fetched", who + [src]):
                    for k in range([25, 6][v]):
                        w.file_op(u + 900 + k * w.log(8, 0.7), p, src, "FileDownloaded",
                                  f"{p.dept}-{'hub' if w.style % 2 else 'team'}",
                                  f"contract-{k}.pdf", p.agent)
        return play

    def takeover(self, name, day, v):
        """An account without a second factor: sign-in from a rare address, a rule that hides
        answers, mail to colleagues."""
        w = self.w
        p = self.victim(test=lambda p: not p.mfa)
        p.mfa = False
        day = self.workday(day)

        def play():
            s = w.scenario(name, v,
                           ["from abroad, forty mails to colleagues",
                            "from the country, twelve mails",
                            "from the country with the victim's browser, five mails in two days"][
                    v])
            t = w.at(day, w.rnd.uniform(6, 22))
            src, net = self.foreign(v > 0)
            agent = p.agent if v == 2 else w.rnd.choice(
                    ["axios/1.7.2",
                     "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"])
            who = [p.mail, p.login, src]
            with w.step(s, "unusual-sign-in", who, note="no second factor"):
                if v == 0:
                    w.signin(t - 70, p, src, net, agent, error=50126, mfa=False, managed=False)
                w.signin(t, p, src, net, agent, "OfficeHome", mfa=False, managed=False)
            with w.step(s, "mailbox-read", who):
                for k in range([12, 6, 3][v]):
                    w.mail_read(t + 100 + k * w.log(25, 0.7), p, src,
                                "Client=OWA;Action=ViaProxy", 8)
            r = t + [w.log(700, 0.4), w.log(3000, 0.4), w.log(20000, 0.3)][v]
            with w.step(s, "inbox-rule", who):
                if v == 0:
                    w.inbox_rule(r, p, src, ".",
                                 SubjectOrBodyContainsWords="phish;hacked;invoice",
                                 DeleteMessage="True", StopProcessingRules="True")
                else:
                    w.inbox_rule(r, p, src, ["", "..", "Clean"][v], From=f"@{w.domain}",
                                 MoveToFolder=["", "RSS Feeds", "Conversation History"][v],
                                 MarkAsRead="True", StopProcessingRules="True")
            site, ip = self.bad_place(v == 2)
            u = r + w.log(600, 0.5)
            colleagues = w.rnd.sample([q for q in w.people if q is not p and not q.joins],
                                      min([40, 12, 5][v], len(w.people) - 4))
            with w.step(s, "internal-phishing", who + [site]):
                for q in colleagues:
                    self.life.send(p, u, src, [q.mail], "Shared document: salary bands",
                                   "Please read and sign until tonight.",
                                   [("Open document", f"https://{site}/{w.hexa(6)}")])
                    u += [w.log(25, 0.6), w.log(200, 0.6), w.log(20000, 0.5)][v]
            if v < 2:
                for q in colleagues[:3]:
                    with w.step(s, "colleague-clicks", [q, site, ip]):
                        w.tls(r + w.log(4000, 0.5), q.pc.ip, site, 2500, 60000, 9, always=True)
        return play

    def aws_chain(self, name, day, v):
        """Seven steps from a leaked key of an engineer to tampered buckets."""
        w = self.w
        iam = [d for d in w.devs if self.life.principal(d, w.t0)["type"] == "IAMUser"]
        p = w.rnd.choice([d for d in iam if not d.victim] or iam)
        p.victim = True
        other = w.rnd.choice([d for d in w.devs if d is not p] or [p])

        def play():
            s = w.scenario(name, v,
                           ["all seven in ten minutes", "spread over four hours",
                            "spread over two days, few calls, agent of the victim"][v])
            pause = [40, 1800, 20000][v]
            src, _ = self.foreign(v > 0)
            who, cli = w.iam(p.login), self.life.cli(
                    p) if v == 2 else KALI
            ents = [p.login, src, who["arn"]]
            t = w.at(day, w.rnd.uniform(0, 20))
            with w.step(s, "1-foreign-credential-use", ents):
                if v < 2:
                    w.console(t, who, src,
                              LINUX,
                              mfa=False)
                w.aws(t + 20, who, "sts", "GetCallerIdentity", src, cli)
            t += w.log(pause, 0.3)
            new_key = w.new_key()
            with w.step(s, "2-cli-pivot", ents):
                w.aws(t, who, "iam", "CreateAccessKey", src, cli, {"userName": p.login},
                      {"accessKey": {"userName": p.login, "accessKeyId": new_key}})
                w.aws(t + 30, w.iam(p.login, new_key), "sts", "GetCallerIdentity", src, BOTO)
            t += w.log(pause, 0.3)
            who = w.iam(p.login, new_key)
            with w.step(s, "3-password-reset", ents + [other.login]):
                w.aws(t, who, "iam", "UpdateLoginProfile", src, BOTO,
                      {"userName": other.login, "passwordResetRequired": False})
            t += w.log(pause, 0.3)
            with w.step(s, "4-discovery", ents):
                for svc, call in (
                        [("iam", "ListUsers"), ("iam", "ListRoles"),
                         ("iam", "ListAttachedUserPolicies"),
                         ("iam", "GetAccountAuthorizationDetails"), ("s3", "ListBuckets"),
                         ("s3", "GetBucketAcl"), ("ec2", "DescribeInstances"),
                         ("ec2", "DescribeRegions"), ("ec2", "DescribeKeyPairs"),
                         ("ec2", "DescribeSecurityGroups"), ("rds", "DescribeDBInstances"),
                         ("lambda", "ListFunctions20150331"), ("secretsmanager", "ListSecrets"),
                         ("ssm", "DescribeParameters"), ("kms", "ListKeys"),
                         ("cloudtrail", "DescribeTrails"), ("guardduty", "ListDetectors"),
                         ("ses", "GetSendQuota"), ("organizations", "DescribeOrganization"),
                         ("servicequotas", "ListServiceQuotas")][:[20, 14, 6][v]]):
                    for _ in range([3, 1, 1][v]):
                        w.aws(t, who, svc, call, src, BOTO,
                              error="AccessDenied" if w.chance(0.25) else None)
                        t += [w.log(1, 0.7), w.log(20, 0.7), w.log(1500, 0.5)][v]
            t += w.log(pause, 0.3)
            ghost = w.rnd.choice(["support-ops", "backup-svc", "ses-mailer", "terraform-ci"])
            with w.step(s, "5-rights-changed", ents + [ghost]):
                w.aws(t, who, "iam", "CreateUser", src, BOTO, {"userName": ghost},
                      {"user": {"userName": ghost}})
                w.aws(t + 5, who, "iam", "AttachUserPolicy", src, BOTO,
                      {"userName": ghost,
                       "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"})
                if v < 2:
                    w.aws(t + 11, who, "iam", "CreateAccessKey", src, BOTO, {"userName": ghost},
                          {"accessKey": {"userName": ghost, "accessKeyId": w.new_key()}})
            t += w.log(pause, 0.3)
            with w.step(s, "6-new-machines", ents):
                for region in (["us-east-2", "sa-east-1", "eu-central-1"] if v < 2
                               else [w.region])[:[3, 2, 1][v]]:
                    w.aws(t, who, "ec2", "CreateKeyPair", src, BOTO, {"keyName": w.word()},
                          region=region)
                    for _ in range([3, 2, 1][v]):
                        w.aws(t + 8, who, "ec2", "RunInstances", src, BOTO,
                              {"instanceType": ["p4d.24xlarge", "g5.12xlarge", "c6i.8xlarge"][v],
                               "imageId": "ami-0" + w.hexa(16)},
                              {"instancesSet": {"items": [{"instanceId": "i-0" + w.hexa(16)}]}},
                              region=region)
                        t += w.log(12, 0.4)
            t += w.log(pause, 0.3)
            with w.step(s, "7-buckets-tampered", ents, self.life.buckets):
                for b in self.life.buckets[:[5, 3, 1][v]]:
                    w.aws(t, who, "s3", "PutBucketVersioning", src, BOTO,
                          {"bucketName": b, "VersioningConfiguration": {"Status": "Suspended"}})
                    if v < 2:
                        w.aws(t + 3, who, "s3", "PutBucketPolicy", src, BOTO,
                              {"bucketName": b,
                               "bucketPolicy": OPEN_POLICY})
                    w.aws(t + 7, who, "s3", "PutBucketLifecycle", src, BOTO,
                          {"bucketName": b,
                           "LifecycleConfiguration": {"Rule": {"Expiration": {"Days": 1}}}},
                          ro=False)
                    t += w.log(30, 0.5)
        return play

    def stolen_role(self, name, day, v):
        """The credentials of an instance's role are used from somewhere else."""
        w = self.w
        n = w.rnd.randrange(len(self.life.instances))

        def play():
            s = w.scenario(name, v,
                           ["tools of attackers, many buckets",
                            "the command line, one bucket in bulk",
                            "the application's own library, slowly"][v])
            inst, _ = self.life.instances[n]
            role = f"{w.short}-{self.life.tiers[n % len(self.life.tiers)]}"
            src, _ = self.foreign(v > 0)
            if v == 2:
                src = w.ip_in(w.cloudnet)
            agent = [KALI,
                     BOTO, SDK][v]
            t = w.at(day, w.rnd.uniform(0, 20))
            who = lambda t: w.role(role, inst, t, 6)
            ents = [inst, role, src, f"arn:aws:sts::{w.account}:assumed-role/{role}/{inst}"]
            with w.step(s, "credentials-outside", ents):
                w.aws(t, who(t), "sts", "GetCallerIdentity", src, agent)
            t += 60
            with w.step(s, "discovery", ents):
                for svc, call in [("s3", "ListBuckets"), ("iam", "ListAttachedRolePolicies"),
                                  ("secretsmanager", "ListSecrets"),
                                  ("ec2", "DescribeInstances"),
                                  ("lambda", "ListFunctions20150331"),
                                  ("ssm", "DescribeParameters")][:[6, 4, 1][v]]:
                    w.aws(t, who(t), svc, call, src, agent,
                          error="AccessDenied" if svc in ("iam", "lambda") else None)
                    t += w.log([3, 40, 600][v], 0.6)
            with w.step(s, "data-access", ents, self.life.buckets):
                for k in range([200, 80, 30][v]):
                    w.aws(t, who(t), "s3", "GetObject", src, agent,
                          {"bucketName": self.life.buckets[k % 2 if v == 0 else 0],
                           "key": f"in/{w.hexa(8)}"})
                    t += w.log([1, 6, 300][v], 0.6)
        return play
