# SPDX-License-Identifier: Apache-2.0
"""Benign trouble around people: accounts, mail, travel, telephones, newcomers."""
from company import AGENTS, AWAY


class PeopleTrouble:
    """Mixed into Trouble; self.w is the world."""

    def on_reset(self, day):
        w = self.w
        p, a, t = self.someone(), w.it[0], self.hour(day)
        for k in range(w.rnd.choice([2, 3, 5])):
            w.signin(t - 600 + 40 * k, p, w.exit_ip, w.exit_net, p.agent, error=50126,
                     mfa=False)
        w.audit(t, a.mail, "Reset user password.", "AzureActiveDirectory", 8, w.exit_ip,
                ObjectId=p.mail, Target=[{"ID": p.mail, "Type": 5}])
        w.signin(t + 300, p, w.exit_ip, w.exit_net, p.agent, mfa=p.mfa)
        if p in w.devs or w.chance(0.3):
            w.aws(t + 100, w.iam(a.login), "iam", "UpdateLoginProfile", w.exit_ip, a.agent,
                  {"userName": p.login, "passwordResetRequired": True})
        w.negative("help-desk-reset", t - 600, t + 300, [p, a], "a forgotten password is reset")

    def on_joiner(self, day):
        """A new colleague: account made in advance, new machine, everything for the first
        time."""
        w = self.w
        if day + 1 >= w.days:
            return
        p = w.person(w.rnd.choice(sorted(w.par["departments"])))
        p.joins = day + 1
        w.people.append(p)
        w.contacts[p.mail] = []
        a, t = w.rnd.choice(w.it), self.hour(day, 13, 17)
        w.audit(t, a.mail, "Add user.", "AzureActiveDirectory", 8, w.exit_ip, ObjectId=p.mail)
        w.audit(t + 60, a.mail, "Change user license.", "AzureActiveDirectory", 8, w.exit_ip,
                ObjectId=p.mail)
        w.audit(t + 90, a.mail, "Add member to group.", "AzureActiveDirectory", 8, w.exit_ip,
                ObjectId=p.mail)
        w.negative("new-joiner", t, w.at(day + 2, 0), [p, a], "first day of a new colleague")

    def on_travel(self, day):
        """Some days abroad: hotel, airport and roaming addresses, other hours, the same
        laptop."""
        w = self.w
        p = self.someone(w.rnd.choice([None, "sales", "consulting"]))
        net = w.net(*w.rnd.choice([a for a in AWAY if a[0] != w.country]))
        ip, last = w.ip_in(net), min(w.days, day + w.rnd.randrange(2, 5))
        for d in range(day + 1, last):
            p.busy.add(d)
            begin = w.at(d, w.rnd.uniform(4, 13))
            w.signin(begin, p, ip, net, p.agent, "Exchange", mfa=True)
            self.cloud_day(p, ip, net, begin, begin + 6 * 3600)
        w.negative("travel", w.at(day + 1, 0), w.at(last, 0), [p, ip],
                   f"business trip to {net.city}")

    def on_new_saas(self, day):
        """A department moves to a new service: everyone of it, from now on, with one large
        upload of the old data."""
        w = self.w
        dept = w.rnd.choice(sorted(w.par["departments"]))
        site = w.new_site("example")
        team = [p for p in w.people if p.dept == dept]
        for p in team:
            p.sites = p.sites + [site] * 4
        t = self.hour(day)
        w.tls(t, team[0].pc.ip, site, w.log(3e8, 0.6), 2e5, 400)
        w.audit(t, team[0].mail, "Consent to application.", "AzureActiveDirectory", 8,
                w.exit_ip, ObjectId=w.guid(),
                ModifiedProperties=[
                {"Name": "ConsentAction.Permissions",
                 "NewValue": "Scope: User.Read openid profile", "OldValue": ""}])
        w.negative("new-saas", t, w.at(min(w.days, day + 3), 0), [site] + team,
                   f"{dept} moves to a new service")

    def on_sort_rule(self, day):
        w = self.w
        p, t = self.someone(), self.hour(day)
        site = w.rnd.choice(w.tail[:60]).split(".", 1)[1]
        w.inbox_rule(t, p, w.exit_ip,
                     w.rnd.choice(["Newsletter", "Suppliers", "Reports", "Later"]),
                     From=f"news@{site}",
                     MoveToFolder=w.rnd.choice(["News", "Archive", "Suppliers"]),
                     StopProcessingRules="True")
        w.negative("sorting-rule", t, t + 10, [p], "newsletters are sorted away")

    def on_password_storm(self, day):
        """A phone with the old password tries again and again after a change."""
        w = self.w
        p, t = self.someone(), self.hour(day)
        for k in range(w.rnd.randrange(8, 30)):
            w.signin(t + k * w.rnd.uniform(20, 60), p, p.home_ip, p.home_net, p.phone_agent,
                     error=50126, mfa=False, interactive=False, client="Exchange ActiveSync",
                     managed=False)
        w.negative("old-password", t, t + 1800, [p, p.home_ip],
                   "a phone still holds the old password")

    def on_mass_mail(self, day):
        w = self.w
        p, t = self.someone(), self.hour(day)
        link = f"https://{w.saas[p.dept][0]}/{w.hexa(5)}"
        for q in w.people:
            if q is not p:
                t += w.rnd.uniform(0.3, 2)
                self.send(p, t, w.exit_ip, [q.mail], "Summer party, please answer",
                          "Please tell us until Friday whether you come.",
                          [("Answer here", link)])
        w.negative("mass-mail", t - 120, t, [p], "an invitation to all")

    def on_open_link(self, day):
        w = self.w
        p, t = self.someone(), self.hour(day)
        w.file_op(t, p, w.exit_ip, "AnonymousLinkCreated", "company",
                  f"flyer-{w.rnd.randrange(20)}.pdf", p.agent, EventData="<Type>View</Type>")
        w.negative("anonymous-link", t, t + 10, [p], "a flyer is shared with the public")

    def on_out_of_office(self, day):
        w = self.w
        p, t = self.someone(), self.hour(day, 15, 18)
        w.audit(t, p.mail, "Set-MailboxAutoReplyConfiguration", "Exchange", 1, w.exit_ip,
                result="True", ObjectId=p.mail,
                Parameters=[{"Name": "AutoReplyState", "Value": "Enabled"}])

    def on_private_address(self, day):
        """A colleague writes from the private address: the first time, harmless, with a
        link."""
        w = self.w
        a, b, t = self.someone(), self.someone(), self.hour(day)
        dom = w.rnd.choice(w.private_mail)
        w.message(t, f"{a.login}{w.rnd.randrange(60, 99)}@{dom}", a.title, [b.mail],
                  "I am ill today", "I cannot come in today, my notes are here.",
                  w.mail_ip(dom), links=[("Notes", f"https://www.dropbox.com/s/{w.hexa(10)}")])
        w.negative("private-address", t, t + 60, [a, b],
                   "a colleague writes from a private mailbox")

    def on_spray(self, day):
        """Guessing from all over the internet, as every tenant sees it; nothing succeeds."""
        w = self.w
        t = w.at(day, w.rnd.uniform(0, 20))
        for k in range(w.rnd.randrange(15, 50)):
            net = w.rnd.choice(w.hosting)
            p = self.someone()
            w.signin(t, p, w.ip_in(net), net, "BAV2ROPC",
                     error=w.rnd.choice([50126, 50126, 50053]), mfa=False,
                     client="Authenticated SMTP", managed=False)
            t += w.log(200, 1)
        w.negative("guessing-from-outside", t - 6000, t, [], "failed guesses only")

    def on_tidy_mailbox(self, day):
        w = self.w
        p, t = self.someone(), self.hour(day)
        for k in range(w.rnd.randrange(15, 40)):
            w.audit(t, p.mail, "MoveToDeletedItems", "Exchange", 3, w.exit_ip,
                    ClientIPAddress=w.exit_ip, MailboxOwnerUPN=p.mail, LogonType=0,
                    ClientInfoString="Client=MSExchangeRPC",
                    AffectedItems=[
                    {"Subject": self.subject(),
                     "InternetMessageId": f"<{w.hexa(16)}@{w.domain}>"}])
            t += w.log(4, 1)
        w.negative("tidy-mailbox", t - 400, t, [p], "old mail is deleted")

    def on_private_vpn(self, day):
        """A subscriber of a private VPN looks at the mail from another country, for some
        evenings."""
        w = self.w
        p, net = self.someone(), w.net(w.rnd.choice(["NL", "CH", "SE", "US"]), "-")
        for d in range(day, min(w.days, day + w.rnd.randrange(1, 5))):
            t, ip = w.at(d, w.rnd.uniform(18, 23)), w.ip_in(net)
            w.signin(t, p, ip, net, p.phone_agent, mfa=p.mfa,
                     client="Mobile Apps and Desktop clients", managed=False,
                     interactive=d == day)
            w.mail_read(t + 20, p, ip, "Client=OutlookService;Outlook-iOS/2.0;", 3)
        w.negative("private-vpn", w.at(day, 17), w.at(day + 5, 0), [p],
                   "a private VPN on the telephone")

    def on_new_phone(self, day):
        """A new telephone: another agent, a fresh sign-in, the second factor registered
        anew."""
        w = self.w
        p, t = self.someone(), self.hour(day, 17, 21)
        p.phone_agent = AGENTS["Phone"][1].format(v=w.version).replace("Pixel 8", "SM-S921B")
        w.signin(t, p, p.home_ip, p.home_net, p.phone_agent, error=50074, mfa=True,
                 managed=False, client="Mobile Apps and Desktop clients")
        w.signin(t + 60, p, p.home_ip, p.home_net, p.phone_agent, mfa=p.mfa, managed=False,
                 client="Mobile Apps and Desktop clients")
        w.audit(t + 90, p.mail, "User registered security info.", "AzureActiveDirectory", 8,
                p.home_ip, ObjectId=p.mail)
        w.negative("new-telephone", t, t + 3600, [p, p.home_ip], "a new telephone")

    def on_hotspot(self, day):
        """Work from a train: the laptop over the mobile network."""
        w = self.w
        p, t = self.someone(), self.hour(day, 7, 10)
        ip = w.ip_in(w.mobile)
        w.signin(t, p, ip, w.mobile, p.agent, mfa=p.mfa)
        self.cloud_day(p, ip, w.mobile, t, t + 7200)
        w.negative("on-the-train", t, t + 7200, [p, ip], "work over the mobile network")

    def on_new_engineer(self, day):
        """Somebody starts to work with the cloud account: everything for the first time, a role
        and a key."""
        w = self.w
        p, a, t = self.someone(), w.it[0], self.hour(day, 9, 12)
        for call, req in (("CreateUser", {"userName": p.login}),
                          ("AddUserToGroup", {"userName": p.login, "groupName": "engineers"}),
                          ("CreateLoginProfile", {"userName": p.login})):
            w.aws(t, w.iam(a.login), "iam", call, w.exit_ip, a.agent, req)
            t += 20
        w.console(t + 600, w.iam(p.login), w.exit_ip, p.agent)
        for k in range(25):
            w.aws(t + 700 + 30 * k, w.iam(p.login),
                  *w.rnd.choice(
                    [("ec2", "DescribeInstances"), ("s3", "ListBuckets"), ("iam", "GetUser"),
                     ("logs", "DescribeLogGroups"), ("ce", "GetCostAndUsage"),
                     ("ecs", "ListClusters"), ("lambda", "ListFunctions20150331"),
                     ("iam", "CreateVirtualMFADevice")]), w.exit_ip, p.agent)
        w.negative("new-engineer", t - 100, w.at(day + 1, 0), [p, a],
                   "a new user of the cloud account")

    def on_assistant(self, day):
        """An assistant is given a colleague's calendar and mailbox, and reads it."""
        w = self.w
        a, b, t = self.someone(), self.someone(), self.hour(day)
        w.audit(t, b.mail, "Add-MailboxPermission", "Exchange", 1, w.exit_ip, result="True",
                ObjectId=b.mail,
                Parameters=[{"Name": "User", "Value": a.mail},
                            {"Name": "AccessRights", "Value": "FullAccess"}])
        for k in range(12):
            w.audit(t + 600 + 300 * k, a.mail, "MailItemsAccessed", "Exchange", 50, w.exit_ip,
                    ClientIPAddress=w.exit_ip, ClientInfoString="Client=OWA;Action=ViaProxy",
                    MailboxGuid=b.guid, MailboxOwnerUPN=b.mail, LogonType=2,
                    InternalLogonType=0, OperationCount=4,
                    OperationProperties=[{"Name": "MailAccessType", "Value": "Bind"},
                                         {"Name": "IsThrottled", "Value": "False"}])
        w.negative("assistant", t, t + 5000, [a, b], "an assistant reads a colleague's mailbox")
