# SPDX-License-Identifier: Apache-2.0
"""Hosts and identities seen by other products: Sysmon for Linux and Linux audit in place of
Tetragon, Okta and Google Workspace in place of Entra ID and Microsoft 365."""
from ground import iso

OPERATIONS = {"FileAccessed": "view", "FileModified": "edit", "FileUploaded": "upload",
              "FileDownloaded": "download", "FilePreviewed": "view",
              "FileDeleted": "trash", "FileRecycled": "trash"}


class SysmonLinux:
    """Mixed in before Records."""

    def sysmon_linux(self, t, node, event, data):
        self.linux = getattr(self, "linux", 500000) + 1
        self.emit("sysmon/linux.json", t, str(self.linux),
                  {"@timestamp": iso(t), "winlog": {
                      "channel": "Linux-Sysmon/Operational", "provider_name": "Linux-Sysmon",
                      "event_id": event, "record_id": self.linux, "computer_name": node,
                      "event_data": {"UtcTime": iso(t)[:-1].replace("T", " "), **data}}})

    def exec(self, node, t, binary, args="", uid=0, parent=None, cwd="/", dur=None, pod=None):
        parent = parent or self.init(node)
        p = self.process(node, t, binary, args, uid, parent, cwd, pod=pod)
        user = {0: "root", 33: "www-data", 1000: "ops"}.get(uid, "svc")
        self.sysmon_linux(t, node, 1,
                          {"ProcessGuid": "{%s}" % p["exec_id"][-36:], "ProcessId": p["pid"],
                           "Image": binary, "CommandLine": f"{binary} {args}".strip(),
                           "CurrentDirectory": cwd, "User": user, "IntegrityLevel": "no level",
                           "ParentProcessGuid": "{%s}" % parent["exec_id"][-36:],
                           "ParentProcessId": parent["pid"], "ParentImage": parent["binary"],
                           "ParentCommandLine":
                           f"{parent['binary']} {parent['arguments']}".strip()})
        return p

    def connects(self, node, t, proc, parent, saddr, daddr, dport, sport):
        self.sysmon_linux(t, node, 3,
                          {"ProcessGuid": "{%s}" % proc["exec_id"][-36:],
                           "ProcessId": proc["pid"], "Image": proc["binary"], "User": "www-data",
                           "Protocol": "tcp", "Initiated": "true", "SourceIsIpv6": "false",
                           "SourceIp": saddr, "SourceHostname": "-", "SourcePort": sport,
                           "DestinationIp": daddr, "DestinationHostname": "-",
                           "DestinationPort": dport})


class Auditd:
    """Linux audit with a rule on execve, one file; hosts are told apart by node=."""

    def exec(self, node, t, binary, args="", uid=0, parent=None, cwd="/", dur=None, pod=None):
        parent = parent or self.init(node)
        p = self.process(node, t, binary, args, uid, parent, cwd, pod=pod)
        self.serial = getattr(self, "serial", 1000) + 1
        mark = f"{t:.3f}:{self.serial}"
        words = [binary.rsplit("/", 1)[1]] + self.words(args)
        quoted = " ".join(f'a{k}={self.quote(x)}' for k, x in enumerate(words))
        head = lambda kind: f"node={node} type={kind} msg=audit({mark}): "
        self.emit("audit/audit.log", round(t, 3), mark, "\n".join([
            head("SYSCALL") + f"arch=c000003e syscall=59 success=yes exit=0 a0=55 a1=55 a2=55 "
            f"a3=8 items=2 ppid={parent['pid']} pid={p['pid']} auid=4294967295 uid={uid} "
            f"gid={uid} euid={uid} suid={uid} fsuid={uid} egid={uid} sgid={uid} fsgid={uid} "
            f'tty=(none) ses=4294967295 comm="{words[0][:15]}" exe="{binary}" key="exec"',
            head("EXECVE") + f"argc={len(words)} {quoted}",
            head("CWD") + f'cwd="{cwd}"',
            head("PATH") + f'item=0 name="{binary}" inode=2048 dev=08:01 mode=0100755 ouid=0 '
            "ogid=0 rdev=00:00 nametype=NORMAL",
            head("PROCTITLE") + "proctitle=" + "\0".join(words).encode().hex().upper()]))
        return p

    @staticmethod
    def words(args):
        """A command line as a shell would divide it; 'sh -c' keeps its script whole."""
        out, rest = [], args
        while rest:
            rest = rest.lstrip()
            if rest.startswith("'"):
                word, _, rest = rest[1:].partition("'")
            else:
                word, _, rest = rest.partition(" ")
            if word:
                out.append(word)
        return out

    @staticmethod
    def quote(x):
        if any(c in x for c in ' "\'|;&>') or not x.isprintable():
            return x.encode().hex().upper()
        return f'"{x}"'

    def connects(self, node, t, proc, parent, saddr, daddr, dport, sport):
        return None


class OktaWorkspace:
    """Sign-ins by Okta, mail and files at Google. Reading a mailbox leaves no record there."""

    def okta(self, t, p, ip, net, agent, event, result="SUCCESS", reason=None, target=None,
             own=True, **more):
        rid = self.guid()
        o = {"uuid": rid, "published": iso(t), "eventType": event, "version": "0",
             "severity": "INFO" if result == "SUCCESS" else "WARN",
             "displayMessage": event.replace(".", " "),
             "actor": {"id": "00u" + p.guid[:17], "type": "User", "alternateId": p.mail,
                       "displayName": p.title, "detailEntry": None},
             "client": {"userAgent": {"rawUserAgent": agent, "os": p.pc.os,
                                      "browser": "CHROME"},
                        "zone": "null", "device": "Computer", "id": None, "ipAddress": ip,
                        "geographicalContext": {"city": net.city, "state": None,
                                                "country": net.country, "postalCode": None,
                                                "geolocation": None}},
             "authenticationContext": {"authenticationStep": 0,
                                       "externalSessionId": self.session_of(p, ip, t)},
             "outcome": {"result": result, "reason": reason},
             "securityContext": {"asNumber": net.asn, "asOrg": f"as{net.asn}", "isp": "-",
                                 "domain": None, "isProxy": False},
             "debugContext": {"debugData": {"requestId": self.hexa(20),
                                            "behaviors": self.behaviors(p, ip, net, own or agent == p.phone_agent),
                                            **more}},
             "request": {"ipChain": [{"ip": ip, "version": "V4", "source": None}]},
             "target": [{"id": "0oa" + self.hexa(16), "type": "AppInstance",
                         "alternateId": target or "Google Workspace",
                         "displayName": target or "Google Workspace"}]}
        self.emit("okta/system.jsonl", t, rid, o, t)
        return rid

    def behaviors(self, p, ip, net, own):
        """What Okta says of a sign-in beside what it has met of this person."""
        met = self.met = getattr(self, "met", {})
        old = met.setdefault(p.mail, {net.country, ip})
        word = lambda x: "NEGATIVE" if x in old else "POSITIVE"
        out = (f"{{New Geo-Location={word(net.country)}, "
               f"New Device={'NEGATIVE' if own else 'POSITIVE'}, New IP={word(ip)}}}")
        old.update((net.country, ip))
        return out

    def session_of(self, p, ip, t):
        return self.keys.setdefault(f"okta:{p.mail}:{ip}:{int(t // 43200)}",
                                    "102" + self.hexa(20))

    def signin(self, t, p, ip, net, agent, app="Exchange", error=0, mfa=True, interactive=True,
               client="Browser", managed=True):
        if error:
            return self.okta(t, p, ip, net, agent, "user.session.start", "FAILURE",
                             "INVALID_CREDENTIALS", own=managed)
        if interactive:
            rid = self.okta(t, p, ip, net, agent, "user.session.start", own=managed)
            if mfa:
                self.okta(t + 4, p, ip, net, agent, "user.authentication.auth_via_mfa",
                          factor="OKTA_VERIFY_PUSH")
            self.google(t + 8, p.mail, ip, "login", "login", "login_success",
                        [("login_type", "saml")])
            self.okta(t + 7, p, ip, net, agent, "user.authentication.sso",
                      target="Google Workspace")
            return rid
        return self.okta(t, p, ip, net, agent, "user.authentication.sso", target=app)

    def google(self, t, user, ip, application, kind, name, params):
        rid = str(self.rnd.getrandbits(62)) + f"/{int(t)}"
        known = self.keys.setdefault("google:" + user, "1" + str(self.rnd.getrandbits(60)))
        o = {"kind": "admin#reports#activity", "etag": '"x"',
             "id": {"time": iso(t), "uniqueQualifier": rid, "applicationName": application,
                    "customerId": "C0" + self.tenant[:7]},
             "actor": {"callerType": "USER", "email": user, "profileId": known},
             "events": [{"type": kind, "name": name,
                         "parameters": [
                     {"name": k, ("boolValue" if isinstance(v, bool) else "value"): v}
                     for k, v in params]}]}
        if ip:
            o["ipAddress"] = ip
        self.emit(f"google/{application}.jsonl", t, rid, o, t)
        return rid

    def audit(self, t, user, operation, workload, record_type, ip, result="Succeeded", **more):
        """Of the office suite's records those that Google has as well."""
        admin = {"Reset user password.": "CHANGE_PASSWORD", "Add user.": "CREATE_USER",
                 "Add member to group.": "ADD_GROUP_MEMBER",
                 "Consent to application.": None}
        if operation in OPERATIONS:
            return self.google(t, user, ip, "drive", "access", OPERATIONS[operation],
                               [("doc_id", self.hexa(30)), ("doc_type", "document"),
                                ("doc_title", more.get("SourceFileName", "file")),
                                ("owner", user), ("visibility", "people_within_domain_with_link")])
        if operation == "Consent to application.":
            return self.google(t, user, ip, "token", "auth", "authorize",
                               [("client_id", self.hexa(20)), ("app_name", "meeting helper"),
                                ("client_type", "WEB")])
        if admin.get(operation):
            return self.google(t, user, ip, "admin", "USER_SETTINGS", admin[operation],
                               [("USER_EMAIL", str(more.get("ObjectId", "-")))])
        return self.guid()

    def inbox_rule(self, t, p, ip, name, **params):
        """Google records only where mail is forwarded to."""
        if any("Forward" in k or "Redirect" in k for k in params):
            return self.google(t, p.mail, ip, "user_accounts", "email_forwarding_change",
                               "email_forwarding_out_of_domain",
                               [("email_forwarding_destination_address",
                                 str(list(params.values())[0]))])
        return None
