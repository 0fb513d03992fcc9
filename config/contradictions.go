package config

import "net"

// contradictions reports values that are right by themselves but not together.
func contradictions(c Config) []Mistake {
	var all []Mistake
	if c.AdminListen != "" && c.AdminToken == "" && !isLoopback(c.AdminListen) {
		all = append(all, Mistake{
			Setting: "admin-listen", Given: c.AdminListen,
			Problem: "is not a loopback address, so it needs admin-token (or admin-token-file)",
		})
	}
	if _, port, err := net.SplitHostPort(c.Listen); err == nil && c.AdminListen == c.Listen && port != "0" {
		all = append(all, Mistake{
			Setting: "admin-listen", Given: c.AdminListen,
			Problem: "must not be the address of listen: metrics and profiles are never served to uploaders",
		})
	}
	if c.TLSCert != "" && c.TLSKey == "" {
		all = append(all, Mistake{Setting: "tls-cert", Given: c.TLSCert, Problem: "needs tls-key too"})
	}
	if c.TLSKey != "" && c.TLSCert == "" {
		all = append(all, Mistake{Setting: "tls-key", Given: c.TLSKey, Problem: "needs tls-cert too"})
	}
	return append(append(all, eventContradictions(c)...), watchContradictions(c)...)
}
