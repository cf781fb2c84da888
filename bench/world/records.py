# SPDX-License-Identifier: Apache-2.0
"""Records of the cloud and of hosts: Entra ID sign-ins, Microsoft 365 audit, mail, CloudTrail,
Tetragon, Falco."""
import base64
import email.utils
import time

from ground import iso

APPS = {"OfficeHome": "4765445b-32c6-49b0-83e6-1d93765276ca",
        "Exchange": "00000002-0000-0ff1-ce00-000000000000",
        "Teams": "1fec8e78-bce4-4aaf-ab1b-5451cc387264",
        "SharePoint": "00000003-0000-0ff1-ce00-000000000000",
        "Azure Portal": "c44b4083-3bb0-49c1-b47d-974e53cbdf3c"}
ERRORS = {0: "Other.",
          50126: "Error validating credentials due to invalid username or password.",
          50053: "The account is locked.", 50074: "Strong Authentication is required.",
          50076: "Due to a configuration change you must use multi-factor authentication."}
READS = ("Get", "List", "Describe", "Head", "Lookup", "Search", "Batch", "Assume", "Select")


class Records:
    """Mixed into World."""

    # -- identities
    def signin(self, t, p, ip, net, agent, app="Exchange", error=0, mfa=True, interactive=True,
               client="Browser", managed=True):
        """An Entra ID sign-in of person p. Returns its id."""
        rid = self.guid()
        how = "Previously satisfied" if not interactive else ("Microsoft Authenticator" if mfa
                else "Password")
        known = agent.startswith("Mozilla")
        o = {"id": rid, "createdDateTime": iso(t, 0), "userDisplayName": p.title,
             "userPrincipalName": p.mail, "userId": p.guid, "appId": APPS[app],
             "appDisplayName": app, "ipAddress": ip, "clientAppUsed": client,
             "userAgent": agent, "correlationId": self.guid(),
             "conditionalAccessStatus": "success" if not error else "failure",
             "isInteractive": interactive,
             "authenticationRequirement": "multiFactorAuthentication" if mfa
             else "singleFactorAuthentication",
             "authenticationDetails": [
                {"authenticationStepDateTime": iso(t, 0), "authenticationMethod": how,
                 "succeeded": not error,
                 "authenticationStepRequirement": "Primary authentication"}],
             "autonomousSystemNumber": net.asn, "riskDetail": "none",
             "riskLevelAggregated": "none", "riskLevelDuringSignIn": "none",
             "riskState": "none", "riskEventTypes_v2": [], "resourceDisplayName": app,
             "resourceId": APPS[app], "tokenIssuerType": "AzureAD",
             "status": {"errorCode": error, "failureReason": ERRORS[error],
                        "additionalDetails": None},
             "deviceDetail": {"deviceId": p.device_guid if managed else "",
                              "displayName": p.pc.name if managed else "",
                              "operatingSystem": p.pc.os if managed
                              else ("iOS" if "iPhone" in agent else "Android"
                                    if "Android" in agent else ""),
                              "browser": "Chrome" if known else "", "isCompliant": managed,
                              "isManaged": managed,
                              "trustType": "Azure AD joined" if managed else ""},
             "location": {"city": net.city, "state": "", "countryOrRegion": net.country,
                          "geoCoordinates": {"altitude": None, "latitude": None,
                                             "longitude": None}},
             "appliedConditionalAccessPolicies": []}
        self.emit("entra/signins.jsonl", t + self.rnd.uniform(0, 2), rid, o, t)
        op = "UserLoginFailed" if error else "UserLoggedIn"
        if interactive or error:
            self.audit(t + 1, p.mail, op, "AzureActiveDirectory", 15, ip,
                       result="Failed" if error else "Success", ObjectId=APPS[app],
                       ActorIpAddress=ip, ApplicationId=APPS[app],
                       AzureActiveDirectoryEventType=1, ErrorNumber=str(error),
                       LogonError="InvalidUserNameOrPassword" if error == 50126 else "",
                       InterSystemsId=self.guid(),
                       ExtendedProperties=[
                    {"Name": "ResultStatusDetail",
                     "Value": "UserError" if error else "Success"},
                    {"Name": "UserAgent", "Value": agent},
                    {"Name": "RequestType", "Value": "OAuth2:Authorize"}],
                       DeviceProperties=[{"Name": "OS", "Value": p.pc.os if managed else ""},
                                         {"Name": "BrowserType", "Value": "Chrome"},
                                         {"Name": "IsCompliant", "Value": str(managed)}])
        return rid

    def audit(self, t, user, operation, workload, record_type, ip, result="Succeeded", **more):
        """One record of the unified audit log. Returns its id."""
        rid = self.guid()
        o = {"CreationTime": iso(t, 0)[:-1], "Id": rid, "Operation": operation,
             "OrganizationId": self.tenant, "RecordType": record_type, "ResultStatus": result,
             "UserKey": self.keys.setdefault(user, "1003" + self.hexa(12).upper()),
             "UserType": 0, "Version": 1, "Workload": workload, "UserId": user}
        if ip:
            o["ClientIP"] = ip
        o.update(more)
        self.emit("m365/audit.jsonl", t, rid, o)
        return rid

    def mail_read(self, t, p, ip, client="Client=REST;Client=RESTSystem;;", count=2,
                  kind="Bind"):
        return self.audit(t, p.mail, "MailItemsAccessed", "Exchange", 50, ip,
                          ClientIPAddress=ip, ClientInfoString=client, MailboxGuid=p.guid,
                          MailboxOwnerUPN=p.mail, LogonType=0, InternalLogonType=0,
                          OperationProperties=[{"Name": "MailAccessType", "Value": kind},
                                               {"Name": "IsThrottled", "Value": "False"}],
                          OperationCount=count,
                          Folders=[
                {"Path": "\\Inbox",
                 "FolderItems": [
                {"InternetMessageId": f"<{self.hexa(16)}@{self.domain}>",
                 "SizeInBytes": int(self.log(20000, 1))} for _ in range(min(count, 4))]}])

    def file_op(self, t, p, ip, operation, site, name, agent, **more):
        base = f"https://{self.short}.sharepoint.com/sites/{site}/"
        return self.audit(t, p.mail, operation, "SharePoint", 6, ip,
                          ObjectId=f"{base}Shared Documents/{name}", EventSource="SharePoint",
                          ItemType="File", SiteUrl=base, SourceRelativeUrl="Shared Documents",
                          SourceFileName=name, SourceFileExtension=name.rsplit(".", 1)[-1],
                          UserAgent=agent, CorrelationId=self.guid(),
                          ListItemUniqueId=self.guid(), **more)

    def inbox_rule(self, t, p, ip, name, **params):
        plist = [{"Name": "Name", "Value": name}] + [{"Name": k, "Value": v} for k,
                                                     v in params.items()]
        return self.audit(t, p.mail, "New-InboxRule", "Exchange", 1,
                          f"{ip}:{self.rnd.randrange(20000, 60000)}", result="True",
                          ObjectId=f"{p.mail}\\{name}", ExternalAccess=False, Parameters=plist,
                          SessionId=self.guid())

    # -- mail
    def message(self, t, sender, title, to, subject, text, ip, passed=True, links=(),
                reply_to=None, html=True, list_id=None, attachment=None, refer=None,
                mailer=None):
        """A delivered message as the mail store has it. links: (shown text, URL). Returns the
        Message-ID."""
        dom = sender.split("@")[1]
        inside = dom == self.domain
        mid = f"<{self.hexa(20)}.{self.hexa(8)}@{'mx.' + dom if not inside else self.domain}>"
        date = email.utils.formatdate(t)
        verdict = "pass" if passed else "fail"
        head = [f"From {sender} {time.asctime(time.gmtime(t))}", f"Return-Path: <{sender}>",
                f"Received: from {'mail.' + dom} ({'mail.' + dom} [{ip}]) by mx1.{self.domain} with ESMTPS id {self.hexa(12)}; {date}"]
        if inside:
            head += ["X-MS-Exchange-Organization-AuthAs: Internal", f"X-Originating-IP: [{ip}]"]
        else:
            head.append(
                    f"Authentication-Results: mx1.{self.domain}; spf={verdict} smtp.mailfrom={dom}; "
                    f"dkim={verdict} header.d={dom}; dmarc={verdict} action=none header.from={dom}")
        head += [f"From: {title} <{sender}>", "To: " + ", ".join(f"<{a}>" for a in to),
                 f"Subject: {subject}", f"Date: {date}", f"Message-ID: {mid}"]
        if refer:
            head += [f"In-Reply-To: {refer}", f"References: {refer}"]
        if reply_to:
            head.append(f"Reply-To: {reply_to}")
        if list_id:
            head += [f"List-Id: <{list_id}>",
                     f"List-Unsubscribe: <https://{list_id}/out?u={self.hexa(8)}>"]
        if mailer:
            head.append(f"X-Mailer: {mailer}")
        mark = "=_" + self.hexa(12)
        plain = text + "".join(f"\n{s}: {u}" if s != u else f"\n{u}" for s, u in links)
        parts = [("text/plain; charset=utf-8", None, plain)]
        if html:
            body = "".join(f"<p>{x}</p>"
                           for x in text.split("\n")) + "".join(f'<p><a href="{u}">{s}</a></p>'
                    for s, u in links)
            parts.append(
                    ("text/html; charset=utf-8", None, f"<html><body>{body}</body></html>"))
        if attachment:
            kind, name, data = attachment
            parts.append((f'{kind}; name="{name}"', name, base64.encodebytes(data).decode()))
        head += ["MIME-Version: 1.0",
                 f'Content-Type: multipart/{"mixed" if attachment else "alternative"}; boundary="{mark}"',
                 ""]
        for kind, name, data in parts:
            head += [f"--{mark}", f"Content-Type: {kind}",
                     f"Content-Transfer-Encoding: {'base64' if name else '8bit'}"]
            if name:
                head.append(f'Content-Disposition: attachment; filename="{name}"')
            head += ["", data.replace("\nFrom ", "\n>From ").rstrip("\n")]
        head += [f"--{mark}--", "", ""]
        self.emit("mail.mbox", int(t), mid, "\n".join(head))
        return mid

    # -- AWS
    def new_key(self):
        return "AKIA" + self.hexa(16).upper()

    def aws(self, t, who, service, call, ip, agent, req=None, resp=None, error=None,
            region=None, ro=None, **more):
        """A CloudTrail record; `who` is a userIdentity object. Returns the eventID."""
        rid, t, data = self.guid(), int(t), call in ("GetObject", "PutObject", "DeleteObject")
        o = {"eventVersion": "1.09", "userIdentity": who, "eventTime": iso(t, 0),
             "eventSource": f"{service}.amazonaws.com", "eventName": call,
             "awsRegion": region or self.region, "sourceIPAddress": ip, "userAgent": agent}
        if error:
            o.update(
                    {"errorCode": error,
                     "errorMessage": f"User: {who.get('arn', '-')} is not authorized to perform: {service}:{call}"})
        o.update(
                {"requestParameters": req, "responseElements": resp, "requestID": self.guid(),
                 "eventID": rid, "readOnly": call.startswith(READS) if ro is None else ro,
                 "eventType": "AwsApiCall", "managementEvent": not data,
                 "recipientAccountId": self.account,
                 "eventCategory": "Data" if data else "Management"})
        o.update(more)
        self.emit("cloudtrail", t, rid, o)
        return rid

    def iam(self, name, key=None):
        return {"type": "IAMUser",
                "principalId": self.keys.setdefault("aws:" + name,
                                                    "AIDA" + self.hexa(16).upper()),
                "arn": f"arn:aws:iam::{self.account}:user/{name}", "accountId": self.account,
                "accessKeyId": key
                or self.keys.setdefault("key:" + name, "AKIA" + self.hexa(16).upper()),
                "userName": name}

    def role(self, role, session, t, hours=1, mfa=False):
        """An assumed role; the session's key changes every `hours`."""
        slot = int((t - self.t0) // (hours * 3600))
        pid = self.keys.setdefault("role:" + role, "AROA" + self.hexa(16).upper())
        key = self.keys.setdefault(f"{role}/{session}/{slot}", "ASIA" + self.hexa(16).upper())
        return {"type": "AssumedRole", "principalId": f"{pid}:{session}",
                "accountId": self.account, "accessKeyId": key,
                "arn": f"arn:aws:sts::{self.account}:assumed-role/{role}/{session}",
                "sessionContext": {
                "sessionIssuer": {"type": "Role", "principalId": pid, "userName": role,
                                  "accountId": self.account,
                                  "arn": f"arn:aws:iam::{self.account}:role/{role}"},
                "attributes": {"creationDate": iso(self.t0 + slot * hours * 3600, 0),
                               "mfaAuthenticated": str(mfa).lower()}}}

    def console(self, t, who, ip, agent, ok=True, mfa=True):
        rid = self.guid()
        o = {"eventVersion": "1.09",
             "userIdentity": {k: v for k, v in who.items() if k != "accessKeyId"},
             "eventTime": iso(int(t), 0), "eventSource": "signin.amazonaws.com",
             "eventName": "ConsoleLogin", "awsRegion": self.region, "sourceIPAddress": ip,
             "userAgent": agent, "requestParameters": None,
             "responseElements": {"ConsoleLogin": "Success" if ok else "Failure"},
             "additionalEventData": {"LoginTo": "https://console.aws.amazon.com/",
                                     "MobileVersion": "No", "MFAUsed": "Yes" if mfa else "No"},
             "eventID": rid, "readOnly": False, "eventType": "AwsConsoleSignIn",
             "managementEvent": True, "recipientAccountId": self.account,
             "eventCategory": "Management"}
        if not ok:
            o["errorMessage"] = "Failed authentication"
        self.emit("cloudtrail", int(t), rid, o)
        return rid

    # -- hosts
    def process(self, node, t, binary, args, uid=0, parent=None, cwd="/", pid=None, pod=None):
        """A process as Tetragon names it; not a record yet."""
        pid = pid or self.rnd.randrange(2000, 4000000)
        eid = base64.b64encode(
                f"{node}:{int((t - self.t0 + 9e6) * 1e9)}:{pid}".encode()).decode()
        o = {"exec_id": eid, "pid": pid, "uid": uid, "cwd": cwd, "binary": binary,
             "arguments": args, "flags": "execve clone", "start_time": iso(t, 9),
             "auid": 4294967295, "tid": pid}
        if parent:
            o["parent_exec_id"] = parent["exec_id"]
        if pod:
            o["pod"] = pod
        return o

    def exec(self, node, t, binary, args="", uid=0, parent=None, cwd="/", dur=None, pod=None):
        """Starts a process; with dur, also its end. Returns the process."""
        parent = parent or self.init(node)
        p = self.process(node, t, binary, args, uid, parent, cwd, pod=pod)
        self.emit("host/tetragon.json", t, p["exec_id"],
                  {"process_exec": {"process": p, "parent": parent}, "node_name": node,
                   "time": iso(t, 9)})
        if dur is not None:
            self.emit("host/tetragon.json", t + dur, p["exec_id"],
                      {
                    "process_exit": {"process": p, "parent": parent, "signal": "", "status": 0,
                                     "time": iso(t + dur, 9)}, "node_name": node,
                    "time": iso(t + dur, 9)}, t + dur)
        return p

    def init(self, node):
        if node not in self.inits:
            self.inits[node] = self.process(node, self.t0 - 8e6, "/usr/lib/systemd/systemd",
                                            "--system", pid=1)
        return self.inits[node]

    def connects(self, node, t, proc, parent, saddr, daddr, dport, sport):
        self.emit("host/tetragon.json", t, proc["exec_id"],
                  {
                "process_kprobe": {"process": proc, "parent": parent,
                                   "function_name": "tcp_connect",
                                   "args": [
                {
                "sock_arg": {"family": "AF_INET", "type": "SOCK_STREAM",
                             "protocol": "IPPROTO_TCP", "mark": 0, "priority": 0,
                             "saddr": saddr, "daddr": daddr, "sport": sport, "dport": dport,
                             "cookie": str(self.rnd.getrandbits(60)),
                             "state": "TCP_SYN_SENT"}}], "action": "KPROBE_ACTION_POST",
                                  "policy_name": "tcp-connect",
                                  "return_action": "KPROBE_ACTION_POST"}, "node_name": node,
                "time": iso(t, 9)})

    def falco(self, t, node, rule, priority, proc, pname, cmd, exe, user="root",
              container="host", image=None, tags=(), fd=None):
        """A Falco alert (no id of its own)."""
        fields = {"container.id": container, "container.image.repository": image,
                  "evt.time": int(t * 1e9), "evt.type": "execve", "proc.cmdline": cmd,
                  "proc.exepath": exe, "proc.name": proc, "proc.pname": pname, "proc.tty": 0,
                  "user.loginuid": -1, "user.name": user,
                  "user.uid": 0 if user == "root" else 1001}
        if fd:
            fields["fd.name"] = fd
        self.emit("host/falco.json", t, f"falco-{node}-{t:.6f}",
                  {"hostname": node,
                   "output": f"{iso(t, 9)[11:]}: {priority} {rule} (proc={proc} cmd={cmd})",
                   "output_fields": fields, "priority": priority, "rule": rule,
                   "source": "syscall", "tags": sorted(tags), "time": iso(t, 9)})
