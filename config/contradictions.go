package config

import (
	"net"
	"slices"
)

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
	return slices.Concat(all, storeContradictions(c), eventContradictions(c), accessContradictions(c), policyContradictions(c), shareContradictions(c),
		watchContradictions(c))
}

// presume fills in what was given, but wrongly: that it is missing would be a second report of one mistake.
func presume(c Config, m *Mistakes) Config {
	if m.about("admin-token") {
		c.AdminToken = masked
	}
	if m.about("auth") {
		c.Auth = masked
	}
	if m.about("auth-tokens-file") && c.Auth == "token" {
		c.AuthTokensFile = masked
	}
	if m.about("jwt-jwks-url") && c.Auth == "jwt" {
		c.JWTJWKSURL = masked
	}
	if m.about("policy-url") {
		c.PolicyURL = masked
	}
	if m.about("store") {
		c.Store = masked
	}
	if m.about("s3-bucket") && c.Store == "s3" {
		c.S3Bucket = masked
	}
	if m.about("s3-endpoint") && c.Store == "s3" {
		c.S3Endpoint = "http://" + masked
	}
	if m.about("kafka-brokers") {
		c.KafkaBrokers = []string{masked}
	}
	if m.about("kafka-username") {
		c.KafkaUsername = masked
	}
	if m.about("kafka-password") {
		c.KafkaPassword = masked
	}
	if m.about("kafka-tls") {
		c.KafkaTLS = true
	}
	if m.about("webhook-url") {
		c.WebhookURL = masked
	}
	if m.about("growthbook-host") {
		c.GrowthBookHost = masked
	}
	if m.about("growthbook-client-key") {
		c.GrowthBookClientKey = masked
	}
	return c
}
