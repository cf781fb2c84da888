# SPDX-License-Identifier: Apache-2.0
"""The same organisation seen by other sensors: what Zeek would have written becomes what
Suricata, or Windows itself and Sysmon, write of the same moment. Each class is mixed in before
Zeek and takes its records at the one door they all go through, `zeek()`."""
from ground import iso

# RFC 3961/4757 names to the numbers of Windows' audit.
CIPHERS = {"rc4-hmac": "0x17", "aes128-cts-hmac-sha1-96": "0x11",
           "aes256-cts-hmac-sha1-96": "0x12"}
STATES = {"SF": "closed", "S0": "syn_sent", "REJ": "closed", "S1": "established",
          "RSTO": "closed", "RSTR": "closed", "OTH": "none"}


# Programs that start on a desk: image, command line, parent.
CHROME = "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe"
OFFICE = "C:\\Program Files\\Microsoft Office\\root\\Office16\\"
SHELL = "C:\\Windows\\explorer.exe"
DESK = [(CHROME, f'"{CHROME}" --type=renderer --id=N7', CHROME),
        (OFFICE + "OUTLOOK.EXE", f'"{OFFICE}OUTLOOK.EXE"', SHELL),
        (OFFICE + "WINWORD.EXE", f'"{OFFICE}WINWORD.EXE" /n "C:\\Users\\USER\\d-N7.docx"', SHELL),
        (OFFICE + "EXCEL.EXE", f'"{OFFICE}EXCEL.EXE" /dde', SHELL),
        ("C:\\Windows\\splwow64.exe", "C:\\Windows\\splwow64.exe 8192", OFFICE + "WINWORD.EXE"),
        ("C:\\Users\\USER\\AppData\\Local\\Microsoft\\OneDrive\\OneDrive.exe",
         '"OneDrive.exe" /background', SHELL),
        ("C:\\Windows\\System32\\notepad.exe", "notepad.exe C:\\Users\\USER\\n-N7.txt", SHELL),
        ("C:\\Windows\\System32\\taskhostw.exe", "taskhostw.exe KEYROAMING",
         "C:\\Windows\\System32\\svchost.exe"),
        ("C:\\Windows\\System32\\conhost.exe", "conhost.exe 0xffffffff -ForceV1",
         "C:\\Windows\\System32\\cmd.exe"),
        ("C:\\Windows\\System32\\cmd.exe", "cmd.exe /c \\\\dc\\netlogon\\map.bat",
         "C:\\Windows\\System32\\userinit.exe"),
        ("C:\\Windows\\System32\\ipconfig.exe", "ipconfig /all",
         "C:\\Windows\\System32\\cmd.exe"),
        ("C:\\Windows\\System32\\rundll32.exe",
         "rundll32.exe shell32.dll,Control_RunDLL desk.cpl", SHELL)]
SERVICES = [("Google Updater Service", '"C:\\Program Files (x86)\\Google\\GoogleUpdater\\updater.exe" --system'),
            ("MpKslDrv", "C:\\ProgramData\\Microsoft\\Windows Defender\\Definition Updates\\d.sys"),
            ("Printer Extensions", "C:\\Windows\\system32\\svchost.exe -k print")]


class Suricata:
    """EVE records, one file."""

    def zeek(self, log, t, known, uid, obj):
        make = getattr(self, "eve_" + log, None)
        if make:
            flow = str(self.flow_id(uid))
            for at, o in make(obj, t, known):
                self.emit("suricata/eve.json", at, flow, {**self.eve(at, int(flow), obj), **o}, t)

    def flow_id(self, uid):
        if not hasattr(self, "flows"):
            self.flows = {}
        return self.flows.setdefault(uid, self.rnd.getrandbits(51) | 1 << 50)

    def eve(self, at, flow, o):
        """What every record begins with."""
        head = {"timestamp": iso(at, 6)[:-1] + "+0000", "flow_id": flow, "in_iface": "ens5"}
        if "id.orig_h" in o:
            head.update({"src_ip": o["id.orig_h"], "src_port": o["id.orig_p"],
                         "dest_ip": o["id.resp_h"], "dest_port": o["id.resp_p"],
                         "proto": o.get("proto", "tcp").upper()})
        return head

    def eve_conn(self, o, t, known):
        if not self.local(o["id.orig_h"]) or not self.local(o["id.resp_h"]) or \
                o["id.resp_p"] != 53 or self.chance(0.1):  # most are not written, as is usual
            app = (o.get("service") or "failed").split(",")[0]
            app = {"ssl": "tls", "gssapi": "smb", "krb_tcp": "krb5"}.get(app, app)
            r = {"event_type": "flow", "app_proto": app,
                 "flow": {"pkts_toserver": o["orig_pkts"], "pkts_toclient": o["resp_pkts"],
                          "bytes_toserver": o["orig_ip_bytes"],
                          "bytes_toclient": o["resp_ip_bytes"],
                          "start": iso(t, 6)[:-1] + "+0000", "end": iso(known, 6)[:-1] + "+0000",
                          "age": int(known - t),
                          "state": "established" if o["resp_pkts"] else "new",
                          "reason": "timeout", "alerted": False}}
            if o["proto"] == "tcp":
                r["tcp"] = {"tcp_flags": "1b", "state": STATES.get(o["conn_state"], "closed")}
                if o["conn_state"] == "REJ":
                    r["tcp"]["tcp_flags"] = "16"
            yield known + self.rnd.uniform(2, 40), r  # a flow is written when it has timed out

    def eve_dns(self, o, t, known):
        r = {"type": "answer", "version": 2, "id": o["trans_id"], "flags": "8180", "qr": True,
             "rd": True, "ra": True, "rrname": o["query"], "rrtype": o["qtype_name"],
             "rcode": o["rcode_name"]}
        if o.get("answers"):
            r["answers"] = [{"rrname": o["query"], "rrtype": o["qtype_name"],
                             "ttl": int(o["TTLs"][0]), "rdata": a} for a in o["answers"]]
        yield t, {"event_type": "dns", "dns": {"type": "query", "id": o["trans_id"],
                                               "rrname": o["query"],
                                               "rrtype": o["qtype_name"], "tx_id": 0}}
        yield known, {"event_type": "dns", "dns": r}

    def eve_ssl(self, o, t, known):
        r = {"version": o["version"].replace("TLSv1", "TLS 1.").replace("1.2", "1.2")}
        if "server_name" in o:
            r["sni"] = o["server_name"]
        if "ja3" in o:
            r["ja3"] = {"hash": o["ja3"], "string": "771,4865-4866"}
        yield known, {"event_type": "tls", "app_proto": "tls", "tls": r}

    def eve_http(self, o, t, known):
        r = {"hostname": o["host"], "url": o["uri"], "http_user_agent": o["user_agent"],
             "http_method": o["method"], "protocol": "HTTP/1.1", "status": o["status_code"],
             "length": o["response_body_len"]}
        if "resp_mime_types" in o:
            r["http_content_type"] = o["resp_mime_types"][0]
        yield known, {"event_type": "http", "app_proto": "http", "tx_id": 0, "http": r}

    def eve_kerberos(self, o, t, known):
        r = {"cname": o["client"].split("/")[0], "realm": o["client"].split("/")[-1],
             "sname": o["service"]}
        if o["success"]:
            r.update({"msg_type": f"KRB_{o['request_type']}_REP", "encryption": o["cipher"],
                      "weak_encryption": o["cipher"].startswith("rc4")})
            r["ticket_encryption"], r["ticket_weak_encryption"] = r["encryption"], r["weak_encryption"]
        else:
            r.update({"msg_type": "KRB_ERROR", "failed_request": f"KRB_{o['request_type']}_REQ",
                      "error_code": "KDC_ERR_PREAUTH_FAILED"})
        yield known, {"event_type": "krb5", "app_proto": "krb5", "krb5": r}

    def eve_smb_mapping(self, o, t, known):
        kind = "PIPE" if o["share_type"] == "PIPE" else "FILE"
        yield known, {"event_type": "smb", "app_proto": "smb",
                      "smb": {"id": 3, "dialect": "3.11", "command": "SMB2_COMMAND_TREE_CONNECT",
                              "status": "STATUS_SUCCESS", "session_id": 1, "tree_id": 5,
                              "share": o["path"], "share_type": kind}}

    def eve_smb_files(self, o, t, known):
        verb = o["action"].rsplit("_", 1)[1]
        r = {"id": 9, "dialect": "3.11", "status": "STATUS_SUCCESS", "session_id": 1, "tree_id": 5}
        if verb == "RENAME":
            r.update({"command": "SMB2_COMMAND_SET_INFO",
                      "rename": {"from": o["prev_name"], "to": o["name"]}})
        else:
            r.update({"command": "SMB2_COMMAND_CREATE", "filename": o["name"],
                      "disposition": "FILE_OVERWRITE_IF" if verb == "WRITE" else "FILE_OPEN",
                      "access": "delete_on_close" if verb == "DELETE" else "normal",
                      "size": o["size"]})
        yield known, {"event_type": "smb", "app_proto": "smb", "smb": r}

    def eve_rdp(self, o, t, known):
        yield known, {"event_type": "rdp", "app_proto": "rdp",
                      "rdp": {"tx_id": 0, "event_type": "initial_request",
                              "cookie": o["cookie"]}}

    def eve_ssh(self, o, t, known):
        soft = o["client"].split("-", 2)
        yield known, {"event_type": "ssh", "app_proto": "ssh",
                      "ssh": {"client": {"proto_version": "2.0", "software_version": soft[2]},
                              "server": {"proto_version": "2.0",
                                         "software_version": "OpenSSH_9.2p1"}}}

    def eve_dhcp(self, o, t, known):
        yield known, {"event_type": "dhcp", "src_ip": o["server_addr"], "src_port": 67,
                      "dest_ip": o["assigned_addr"], "dest_port": 68, "proto": "UDP",
                      "dhcp": {"type": "reply", "id": 7, "client_mac": o["mac"],
                               "assigned_ip": o["assigned_addr"], "dhcp_type": "ack",
                               "hostname": o["host_name"], "lease_time": int(o["lease_time"])}}

    def eve_modbus(self, o, t, known):
        code = {"READ_HOLDING_REGISTERS": 3, "READ_INPUT_REGISTERS": 4, "READ_COILS": 1,
                "WRITE_SINGLE_REGISTER": 6, "WRITE_SINGLE_COIL": 5,
                "WRITE_MULTIPLE_REGISTERS": 16, "READ_DEVICE_IDENTIFICATION": 43}
        if o["pdu_type"] == "REQ":
            yield known, {"event_type": "modbus", "app_proto": "modbus",
                          "modbus": {"id": o["tid"],
                                     "request": {"transaction_id": o["tid"], "protocol_id": 0,
                                                 "unit_id": 1,
                                                 "function_code": str(code.get(o["func"], 3)),
                                                 "access_type":
                                                 "WRITE" if "WRITE" in o["func"] else "READ"}}}


class Windows:
    """No network sensor: what domain controllers, file servers and clients log themselves, in
    the form in which Winlogbeat sends it. Sysmon runs on all Windows machines."""

    def zeek(self, log, t, known, uid, obj):
        make = getattr(self, "win_" + log, None)
        if make:
            make(obj, t, known)

    def tls(self, t, src, name, sent=None, got=None, dur=None, program="browser", *a, **k):
        self.program = program
        try:
            return super().tls(t, src, name, sent, got, dur, program, *a, **k)
        finally:
            self.program = "browser"

    def machine(self, ip):
        """The Windows machine behind an address, or None."""
        if not hasattr(self, "by_ip"):
            self.by_ip = {}
        if ip not in self.by_ip:
            every = self.fleet + [p.pc for p in self.people] + self.hmis + (
                    [self.eng] if self.eng else [])
            self.by_ip.update({d.ip: d for d in every if d.os == "Windows"})
            self.by_ip.update({p.vpn_ip: p.pc for p in self.people
                               if hasattr(p, "vpn_ip") and p.pc.os == "Windows"})
            self.by_ip.setdefault(ip, None)
        return self.by_ip[ip]

    def image(self, dev):
        program = getattr(self, "program", "browser")
        if program == "browser":
            return "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe"
        if program == "rclone":
            return "C:\\ProgramData\\rclone.exe"
        if program == "implant":
            return f"C:\\Users\\{self.owner(dev)}\\AppData\\Local\\Temp\\upd.exe"
        return f"C:\\Program Files\\{program.capitalize()}\\{program}.exe"

    def owner(self, dev):
        if not hasattr(self, "owners"):
            self.owners = {p.pc.name: p.login for p in self.people}
        return self.owners.get(dev.name, "SYSTEM")

    def winlog(self, t, host, channel, event, data, provider="Microsoft-Windows-Security-Auditing"):
        """One event of a host. Its record number is its id."""
        self.records = getattr(self, "records", 100000) + 1
        rid = str(self.records)
        self.emit(f"windows/{'sysmon' if 'Sysmon' in channel else 'events'}.json", t, rid,
                  {"@timestamp": iso(t), "event": {"code": str(event), "kind": "event"},
                   "host": {"name": host}, "log": {"level": "information"},
                   "winlog": {"channel": channel, "provider_name": provider,
                              "event_id": str(event), "record_id": self.records,
                              "computer_name": f"{host}.{self.realm.lower()}",
                              "event_data": data}})
        return rid

    def sysmon(self, t, host, event, data):
        return self.winlog(t, host, "Microsoft-Windows-Sysmon/Operational", event,
                           {"UtcTime": iso(t)[:-1].replace("T", " "), **data},
                           "Microsoft-Windows-Sysmon")

    # -- programs: what starts on an ordinary day, and what the acts of others start
    def starts(self, t, host, image, line, parent="C:\\Windows\\explorer.exe", user="SYSTEM"):
        self.sysmon(t, host, 1,
                    {"ProcessGuid": "{%s}" % self.guid(),
                     "ProcessId": str(self.rnd.randrange(600, 30000)), "Image": image,
                     "OriginalFileName": image.rsplit("\\", 1)[1], "CommandLine": line,
                     "CurrentDirectory": "C:\\Windows\\system32\\",
                     "User": f"{self.short.upper()}\\{user}", "IntegrityLevel": "Medium",
                     "ParentProcessGuid": "{%s}" % self.guid(), "ParentProcessId": "1144",
                     "ParentImage": parent, "ParentCommandLine": f'"{parent}"'})

    def lease(self, begin, end, dev):
        super().lease(begin, end, dev)
        if dev.os != "Windows":
            return
        who, r = self.owner(dev), self.rnd
        sys32 = "C:\\Windows\\System32\\"
        self.starts(begin + 60, dev.name, sys32 + "userinit.exe", sys32 + "userinit.exe",
                    sys32 + "winlogon.exe", who)
        for _ in range(4 + self.poisson(6)):
            image, line, parent = r.choice(DESK)
            self.starts(r.uniform(begin, end), dev.name, image,
                        line.replace("USER", who).replace("N7", str(r.randrange(9999))),
                        parent.replace("USER", who), who)
        if self.chance(0.06):  # management of devices sends its scripts encoded
            self.starts(r.uniform(begin, end), dev.name,
                        sys32 + "WindowsPowerShell\\v1.0\\powershell.exe",
                        "powershell.exe -NoProfile -ExecutionPolicy Bypass -File "
                        f"C:\\ProgramData\\Management\\scripts\\{self.hexa(4)}.ps1",
                        "C:\\Program Files (x86)\\Management\\agentexecutor.exe")
        if self.chance(0.05):
            self.service(r.uniform(begin, end), dev.name, *r.choice(SERVICES))
        if self.chance(0.05):
            self.winlog(r.uniform(begin, end), dev.name, "Security", 4698,
                        {"SubjectUserName": dev.name + "$", "SubjectDomainName": self.realm,
                         "TaskName": r.choice(["\\UpdaterTask" + self.hexa(4),
                                               "\\Office\\Office Automatic Updates 2.0"]),
                         "TaskContent": "<Task><Actions><Exec><Command>C:\\Program Files"
                         "\\Updater\\updater.exe</Command></Exec></Actions></Task>"})

    def service(self, t, host, name, path):
        self.winlog(t, host, "System", 7045,
                    {"ServiceName": name, "ImagePath": path,
                     "ServiceType": "user mode service", "StartType": "demand start",
                     "AccountName": "LocalSystem"}, "Service Control Manager")

    def share(self, t, src, server, path, actions, *a, **k):
        """Whoever writes a program to ADMIN$ makes a service of it."""
        out = super().share(t, src, server, path, actions, *a, **k)
        for after, verb, name, _, _ in actions:
            if path == "ADMIN$" and verb == "WRITE" and name.endswith(".exe"):
                image = "C:\\Windows\\" + name
                self.service(t + after + 2, server.name, self.word(), "%SystemRoot%\\" + name)
                self.starts(t + after + 3, server.name, image, image,
                            "C:\\Windows\\System32\\services.exe")
        return out

    def win_conn(self, o, t, known):
        dev = self.machine(o["id.orig_h"])
        if dev and o["conn_state"] != "S0" and o["id.resp_p"] not in (53,):
            image = {88: "C:\\Windows\\System32\\lsass.exe", 445: "System",
                     80: self.image(dev), 443: self.image(dev)}.get(
                    o["id.resp_p"], "C:\\Windows\\System32\\svchost.exe")
            if image == "System" and not self.chance(0.2):
                return
            self.sysmon(t, dev.name, 3,
                        {"ProcessGuid": "{%s}" % self.guid(), "ProcessId": "4211",
                         "Image": image, "User": f"{self.short.upper()}\\{self.owner(dev)}",
                         "Protocol": o["proto"], "Initiated": "true", "SourceIp": o["id.orig_h"],
                         "SourceHostname": dev.name, "SourcePort": str(o["id.orig_p"]),
                         "DestinationIp": o["id.resp_h"], "DestinationHostname": "-",
                         "DestinationPort": str(o["id.resp_p"])})

    def win_dns(self, o, t, known):
        dev = self.machine(o["id.orig_h"])
        if dev:
            self.sysmon(known, dev.name, 22,
                        {"ProcessGuid": "{%s}" % self.guid(), "ProcessId": "4211",
                         "QueryName": o["query"], "QueryStatus": "0" if not o["rcode"] else "9003",
                         "QueryResults": "".join(f"::ffff:{a};" for a in o.get("answers", [])),
                         "Image": "C:\\Windows\\System32\\svchost.exe",
                         "User": "NT AUTHORITY\\NETWORK SERVICE"})

    def win_kerberos(self, o, t, known):
        who, ok = o["client"].split("/")[0], o["success"]
        data = {"TargetUserName": who, "TargetDomainName": self.realm,
                "TicketOptions": "0x40810010", "Status": "0x0" if ok else "0x18",
                "IpAddress": "::ffff:" + o["id.orig_h"], "IpPort": str(o["id.orig_p"])}
        if o["request_type"] == "AS":
            data.update({"ServiceName": "krbtgt", "TargetSid": "S-1-5-21-1-2-3-1104"})
            if ok:
                data.update({"TicketEncryptionType": CIPHERS[o["cipher"]],
                             "PreAuthType": "2"})
            self.winlog(known, self.dc.name, "Security", 4768 if ok else 4771, data)
        else:
            # Windows names the account that bears the service, not the service.
            svc = o["service"].split("/")
            name = svc[1].split(".")[0].upper() + "$" if svc[0] in ("cifs", "host", "HTTP") and \
                o["cipher"] != "rc4-hmac" else "svc_" + "".join(svc).split(".")[0].lower()
            data.update({"TargetUserName": f"{who}@{self.realm}", "ServiceName": name,
                         "ServiceSid": "S-1-5-21-1-2-3-1200",
                         "TicketEncryptionType": CIPHERS.get(o.get("cipher"), "0xffffffff")})
            self.winlog(known, self.dc.name, "Security", 4769, data)

    def person_at(self, ip):
        dev = self.machine(ip)
        return self.owner(dev) if dev else None

    def win_smb_mapping(self, o, t, known):
        server = o["path"].split("\\")[2]
        who = self.person_at(o["id.orig_h"]) or "ANONYMOUS"
        share = o["path"].rsplit("\\", 1)[1]
        base = {"IpAddress": o["id.orig_h"], "IpPort": str(o["id.orig_p"])}
        self.winlog(t - 0.01, server, "Security", 4624,
                    {"SubjectUserName": "-", "TargetUserName": who,
                     "TargetDomainName": self.realm, "TargetLogonId": "0x" + self.hexa(6),
                     "LogonType": "3", "AuthenticationPackageName": "Kerberos",
                     "LogonProcessName": "Kerberos", "WorkstationName": "-",
                     "ProcessName": "-", **base})
        self.winlog(known, server, "Security", 5140,
                    {"SubjectUserName": who, "SubjectDomainName": self.realm,
                     "SubjectLogonId": "0x" + self.hexa(6), "ObjectType": "File",
                     "ShareName": f"\\\\*\\{share}", "AccessMask": "0x1", **base})

    def win_smb_files(self, o, t, known):
        server, share = o["path"].split("\\")[2], o["path"].rsplit("\\", 1)[1]
        verb = o["action"].rsplit("_", 1)[1]
        mask, access = {"OPEN": ("0x120089", "%%4416"), "WRITE": ("0x12019f", "%%4417"),
                        "RENAME": ("0x110080", "%%1537"), "DELETE": ("0x10000", "%%1537")}[verb]
        names = [o["prev_name"], o["name"]] if verb == "RENAME" else [o["name"]]
        for name in names:  # a rename is an open for deletion of the old and one of the new
            self.winlog(known, server, "Security", 5145,
                        {"SubjectUserName": self.person_at(o["id.orig_h"]) or "ANONYMOUS",
                         "SubjectDomainName": self.realm, "SubjectLogonId": "0x3e7a",
                         "ObjectType": "File", "IpAddress": o["id.orig_h"],
                         "IpPort": str(o["id.orig_p"]), "ShareName": f"\\\\*\\{share}",
                         "ShareLocalPath": f"\\??\\D:\\{share}", "RelativeTargetName": name,
                         "AccessMask": mask, "AccessList": access})

    def win_rdp(self, o, t, known):
        dev = self.machine(o["id.resp_h"])
        if dev:
            who = o["cookie"] or "unknown"
            self.winlog(known + 4, dev.name, "Security", 4624,
                        {"SubjectUserName": dev.name + "$", "TargetUserName": who,
                         "TargetDomainName": self.realm, "TargetLogonId": "0x" + self.hexa(6),
                         "LogonType": "10", "AuthenticationPackageName": "Negotiate",
                         "LogonProcessName": "User32", "WorkstationName": dev.name,
                         "ProcessName": "C:\\Windows\\System32\\svchost.exe",
                         "IpAddress": o["id.orig_h"], "IpPort": "0"})

    def win_ssh(self, o, t, known):
        names = {d.ip: d.name for d in self.fleet}
        if o["id.resp_h"] in names:
            rid = f"s={self.hexa(32)};i={self.hexa(4)}"
            word = "Accepted publickey for ops" if o["auth_success"] else "Failed password for root"
            self.emit("journal/journal.json", known, rid,
                      {"__CURSOR": rid, "__REALTIME_TIMESTAMP": str(int(known * 1e6)),
                       "_HOSTNAME": names[o["id.resp_h"]], "SYSLOG_IDENTIFIER": "sshd",
                       "_PID": "2231", "PRIORITY": "6", "SYSLOG_FACILITY": "4",
                       "MESSAGE": f"{word} from {o['id.orig_h']} port {o['id.orig_p']} ssh2"})

    def win_dhcp(self, o, t, known):
        return None
