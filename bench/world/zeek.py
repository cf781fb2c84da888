# SPDX-License-Identifier: Apache-2.0
"""What a Zeek sensor on the organisation's core switch and border writes, as JSON lines (Zeek
6, default scripts)."""
HISTORY = {"SF": "ShADadFf", "S0": "S", "REJ": "Sr", "RSTO": "ShADadR", "RSTR": "ShADadr",
           "S1": "ShADad", "OTH": "Dd"}


def r6(t):
    return round(t, 6)


class Zeek:
    """Mixed into World. `src` and `dst` are addresses; times are seconds since 1970."""

    def local(self, ip):
        return ip.startswith(("10.", "192.168.")) or (ip.startswith("172.")
                                                      and 16 <= int(ip.split(".")[1]) < 32)

    def ends(self, uid, src, sport, dst, dport):
        return {"uid": uid, "id.orig_h": src, "id.orig_p": sport, "id.resp_h": dst,
                "id.resp_p": dport}

    def zeek(self, log, t, known, uid, obj):
        self.emit(f"zeek/{log}.log", known, uid, obj, t)

    def conn(self, t, src, dst, dport, sent=900, got=1500, dur=0.5, proto="tcp", service=None,
             state="SF", sport=None, uid=None):
        """One connection; written when it ends. Returns (uid, source port)."""
        uid = uid or self.uid()
        sport = sport or self.rnd.randrange(32768, 65000)
        o = {"ts": r6(t), **self.ends(uid, src, sport, dst, dport), "proto": proto}
        if service:
            o["service"] = service
        sent, got = int(sent), int(got)
        if state in ("S0", "REJ"):
            sent = got = 0
        else:
            o.update({"duration": r6(dur), "orig_bytes": sent, "resp_bytes": got})
        hist = HISTORY.get(state, "Dd") if proto == "tcp" else ("Dd" if got else "D")
        po = 1 + sent // 1380 + got // 2760 + (4 if proto == "tcp" and state == "SF" else 0)
        pr = (1 + got // 1380 + sent // 2760 + 3) if got or state == "SF" else (1
                if state == "REJ" else 0)
        o.update(
                {"conn_state": state if proto != "udp" or got else "S0",
                 "local_orig": self.local(src), "local_resp": self.local(dst),
                 "missed_bytes": 0, "history": hist, "orig_pkts": po,
                 "orig_ip_bytes": sent + 40 * po, "resp_pkts": pr,
                 "resp_ip_bytes": got + 40 * pr})
        self.zeek("conn", t, t + (dur if "duration" in o else 0), uid, o)
        return uid, sport

    def lookup(self, t, src, name, answers=(), qtype="A", rcode=0, ttl=300, server=None,
               rtt=None):
        """A DNS question to the resolver, and its connection."""
        server = server or self.resolver
        rtt = rtt or self.log(0.012, 0.8, 0.0003, 2)
        ask, reply = 29 + len(name), 45 + len(name) + sum(len(str(a)) + 12 for a in answers)
        uid, sport = self.conn(t, src, server, 53, ask, reply, rtt, "udp", "dns")
        o = {"ts": r6(t), **self.ends(uid, src, sport, server, 53), "proto": "udp",
             "trans_id": self.rnd.randrange(65536), "rtt": r6(rtt), "query": name, "qclass": 1,
             "qclass_name": "C_INTERNET",
             "qtype": {"A": 1, "AAAA": 28, "TXT": 16, "NULL": 10, "CNAME": 5, "MX": 15,
                       "PTR": 12}[qtype], "qtype_name": qtype, "rcode": rcode,
             "rcode_name": {0: "NOERROR", 3: "NXDOMAIN", 2: "SERVFAIL"}[rcode], "AA": False,
             "TC": False, "RD": True, "RA": True, "Z": 0, "rejected": False}
        if answers:
            o.update({"answers": list(answers), "TTLs": [float(ttl)] * len(answers)})
        self.zeek("dns", t, t + rtt, uid, o)
        return uid

    def resolve(self, t, src, name, always=False):
        """The address of a name, asking DNS when this machine has likely forgotten it."""
        ips = self.addresses(name)
        key = (src, name, int((t - self.t0) // 86400))
        if always or key not in self.asked or self.chance(0.2):
            self.asked.add(key)
            self.lookup(t - self.rnd.uniform(0.01, 0.08), src, name, ips[:3],
                        ttl=self.rnd.choice([60, 300, 300, 3600]))
        return self.rnd.choice(ips)

    def tls(self, t, src, name, sent=None, got=None, dur=None, program="browser", ip=None,
            port=443, sni=True, always=False):
        """A TLS connection to a name, with the look-up before it. Returns (uid, address, source
        port)."""
        ip = ip or self.resolve(t, src, name, always)
        sent = self.log(2300, 0.9, 500, 4e6) if sent is None else sent
        got = self.log(17000, 1.5, 900, 3e8) if got is None else got
        dur = self.log(6, 1.5, 0.1, 900) if dur is None else dur
        uid, sport = self.conn(t, src, ip, port, sent, got, dur, service="ssl")
        o = {"ts": r6(t + 0.03), **self.ends(uid, src, sport, ip, port),
             "version": "TLSv12" if self.chance(0.08) else "TLSv13",
             "cipher": "TLS_AES_128_GCM_SHA256", "curve": "x25519"}
        if sni:
            o["server_name"] = name
        o.update({"resumed": self.chance(0.3), "established": True, "ssl_history": "CsiI"})
        if self.ja3:
            o["ja3"] = self.fingerprint(program)
        if program == "browser":
            o["next_protocol"] = "h2"
        self.zeek("ssl", t + 0.03, t + 0.03, uid, o)
        return uid, ip, sport

    def http(self, t, src, name, uri="/", method="GET", agent="Mozilla/5.0", code=200, sent=0,
             got=2000, mime="text/html", dst=None, port=80):
        """A plain HTTP request, one connection each. dst: a server of ours, else the name is
        looked up."""
        ip = dst or self.resolve(t, src, name)
        dur = self.log(0.2, 0.8, 0.02, 30) + got / 4e6
        uid, sport = self.conn(t, src, ip, port, 380 + len(uri) + sent, 320 + got, dur,
                               service="http")
        o = {"ts": r6(t + 0.02), **self.ends(uid, src, sport, ip, port), "trans_depth": 1,
             "method": method, "host": name, "uri": uri, "version": "1.1", "user_agent": agent,
             "request_body_len": int(sent), "response_body_len": int(got), "status_code": code,
             "status_msg": {200: "OK", 301: "Moved Permanently", 404: "Not Found",
                            403: "Forbidden", 500: "Internal Server Error"}[code], "tags": []}
        if got and mime:
            o["resp_mime_types"] = [mime]
        self.zeek("http", t + 0.02, t + 0.02, uid, o)
        return uid

    def lease(self, begin, end, dev):
        """A machine's address while it is on: asked for, then renewed at half of the lease."""
        t = begin
        while t < end:
            self.dhcp(t, dev.ip, dev.mac, dev.name, self.lease_time)
            t += self.lease_time / 2

    def dhcp(self, t, ip, mac, host, lease=28800):
        """A renewed or new lease."""
        uid = self.uid()
        self.zeek("dhcp", t, t, uid,
                  {"ts": r6(t), "uids": [uid], "client_addr": ip,
                   "server_addr": self.dhcp_server, "mac": mac, "host_name": host,
                   "requested_addr": ip, "assigned_addr": ip, "lease_time": float(lease),
                   "msg_types": ["REQUEST", "ACK"], "duration": 0.011})

    def ticket(self, t, src, client, service, dc=None, cipher="aes256-cts-hmac-sha1-96",
               kind="TGS", ok=True):
        """A Kerberos request as seen on the wire."""
        dc = dc or self.dc.ip
        uid, sport = self.conn(t, src, dc, 88, 1500, 1600, 0.01, service="krb_tcp")
        o = {"ts": r6(t + 0.003), **self.ends(uid, src, sport, dc, 88), "request_type": kind,
             "client": f"{client}/{self.realm}", "service": service, "success": ok}
        if ok:
            o.update(
                    {"till": round(t + 36000, 0), "cipher": cipher, "forwardable": True,
                     "renewable": True})
        else:
            o["error_msg"] = "KDC_ERR_PREAUTH_FAILED"
        self.zeek("kerberos", t + 0.003, t + 0.003, uid, o)
        return uid

    def share(self, t, src, server, path, actions, sent=4000, got=30000, dur=20.0):
        """One SMB session on one share. actions: (seconds after t, verb, name, size, earlier
        name or None)."""
        dur = max(dur, actions[-1][0] + 1 if actions else 1)
        uid, sport = self.conn(t, src, server.ip, 445, sent, got, dur, service="gssapi,smb,krb")
        ends = self.ends(uid, src, sport, server.ip, 445)
        full = f"\\\\{server.name}\\{path}"
        self.zeek("smb_mapping", t + 0.02, t + 0.02, uid,
                  {"ts": r6(t + 0.02), **ends, "path": full,
                   "share_type": "PIPE" if path == "IPC$" else "DISK"})
        for after, verb, name, size, prev in actions:
            o = {"ts": r6(t + after), **ends, "action": f"SMB::FILE_{verb}", "path": full,
                 "name": name, "size": int(size)}
            if prev:
                o["prev_name"] = prev
            m = r6(t + after - (3 if verb == "WRITE" else 86400 * 9))
            o.update(
                    {"times.modified": m, "times.accessed": m, "times.created": r6(m - 9e5),
                     "times.changed": m})
            self.zeek("smb_files", t + after, t + after, uid, o)
        return uid

    def rdp(self, t, src, dst, cookie, dur=1200.0):
        uid, sport = self.conn(t, src, dst, 3389, dur * self.log(700, 0.5),
                               dur * self.log(9000, 0.7), dur, service="ssl,rdp")
        self.zeek("rdp", t + 0.1, t + 0.1, uid,
                  {"ts": r6(t + 0.1), **self.ends(uid, src, sport, dst, 3389),
                   "cookie": cookie[:9], "result": "encrypted",
                   "security_protocol": "HYBRID_EX", "cert_count": 0})
        return uid

    def ssh(self, t, src, dst, dur=300.0, sent=20000, got=60000, ok=True, tries=1,
            client="SSH-2.0-OpenSSH_9.7", port=22):
        uid, sport = self.conn(t, src, dst, port, sent, got, dur, service="ssh")
        self.zeek("ssh", t + 0.4, t + 0.4, uid,
                  {"ts": r6(t + 0.4), **self.ends(uid, src, sport, dst, port), "version": 2,
                   "auth_success": ok, "auth_attempts": tries, "client": client,
                   "server": "SSH-2.0-OpenSSH_9.2p1 Debian-2",
                   "cipher_alg": "aes128-gcm@openssh.com", "mac_alg": "hmac-sha2-256",
                   "compression_alg": "none", "kex_alg": "curve25519-sha256",
                   "host_key_alg": "ssh-ed25519"})
        return uid

    def modbus(self, t, src, dst, calls, dur):
        """One Modbus connection with requests (seconds after t, function name)."""
        uid, sport = self.conn(t, src, dst, 502, 12 * len(calls), 40 * len(calls), dur,
                               service="modbus")
        ends = self.ends(uid, src, sport, dst, 502)
        for n, (after, func) in enumerate(calls):
            for lag, kind in ((0.0, "REQ"), (0.006, "RESP")):
                ts = t + after + lag
                if kind == "RESP" and not self.both_sides:
                    continue
                self.zeek("modbus", ts, ts, uid,
                          {"ts": r6(ts), **ends, "tid": n % 65536, "unit": 1, "func": func,
                           "pdu_type": kind})
        return uid

    def fingerprint(self, program):
        """A JA3 per program; the same hash in the whole world for the same program."""
        if program not in self.ja3s:
            self.ja3s[program] = self.hexa(32)
        return self.ja3s[program]
