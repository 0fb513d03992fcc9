package config

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// accessSettings say who may do what.
func accessSettings() []setting {
	const group = "Allowing"
	return []setting{
		{
			group: group, name: "auth", arg: "none|token|jwt", fallback: "none",
			help: "who may upload: token and jwt ask each request for a Bearer token; none means anyone who can connect, and " +
				"has to be set when --listen is not loopback",
			value: oneOf(func(c *Config) *string { return &c.Auth }, "none", "token", "jwt"),
		},
		{
			group: group, name: "auth-tokens-file", arg: "FILE",
			help:  "owners and their tokens, for --auth token; plateau token makes its lines; changes are seen by themselves",
			value: text(func(c *Config) *string { return &c.AuthTokensFile }, true),
		},
		{
			group: group, name: "jwt-jwks-url", arg: "URL",
			help:  "where the issuer's public keys are, for --auth jwt; the owner is the token's sub",
			value: webAddress(func(c *Config) *string { return &c.JWTJWKSURL }, "https://id.example/keys"),
		},
		{
			group: group, name: "jwt-issuer", arg: "NAME",
			help:  "iss that a token must have; without it any, so set it",
			value: printable(func(c *Config) *string { return &c.JWTIssuer }),
		},
		{
			group: group, name: "jwt-audience", arg: "LIST",
			help:  "aud that a token must have, one of these, separated by commas; without it any, so set it",
			value: listOf(func(c *Config) *[]string { return &c.JWTAudience }, isPrintable, "names separated by commas"),
		},
		{
			group: group, name: "jwt-leeway", arg: "DURATION", fallback: "30s",
			help:  "how far the issuer's clock may be off",
			value: duration(func(c *Config) *time.Duration { return &c.JWTLeeway }),
		},
		{
			group: group, name: "jwt-algorithms", arg: "LIST", fallback: "RS256,ES256,EdDSA",
			help: "how a token may be signed, separated by commas: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, " +
				"ES512, EdDSA",
			value: signatures(func(c *Config) *[]string { return &c.JWTAlgorithms }),
		},
		{
			group: group, name: "jwt-admin-claim", arg: "NAME[=VALUE]",
			help: "claim whose owner is an admin, who may use all uploads: NAME is true, or VALUE is one of its words; without " +
				"it nobody is",
			value: matching(func(c *Config) *string { return &c.JWTAdminClaim }, `^[!-<>-~]+(=[!-~]+)?$`,
				"a claim's name, or NAME=VALUE, such as roles=upload-admin"),
		},
		{
			group: group, name: "link-secret", arg: "SECRET", secret: true,
			help: "key of signed addresses for downloads, 32 characters or more; without it one is made at start, and a restart " +
				"ends all addresses; servers behind one address need the same",
			value: linkSecret(func(c *Config) *string { return &c.LinkSecret }),
		},
		{
			group: group, name: "link-time", arg: "DURATION", fallback: "15m",
			help:  "for how long a signed address is valid, at most; 1s or more",
			value: durationFrom(func(c *Config) *time.Duration { return &c.LinkTime }, time.Second),
		},
		{
			group: group, name: "trusted-proxies", arg: "LIST",
			help:  "addresses and networks whose X-Forwarded-For is believed (in the log and for limits), separated by commas",
			value: prefixes(func(c *Config) *[]netip.Prefix { return &c.TrustedProxies }),
		},
	}
}

// signatures accepts what only the holder of a private key can make: with HS256, who knows the public key signs tokens.
func signatures(field func(*Config) *[]string) value {
	known := []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
	want := "some of " + strings.Join(known, ", ")
	v := listOf(field, func(s string) bool { return slices.Contains(known, s) }, want)
	set := v.set
	v.set = func(c *Config, s string) error {
		if strings.TrimSpace(s) == "" {
			return errors.New(want)
		}
		return set(c, s)
	}
	return v
}

func linkSecret(field func(*Config) *string) value {
	v := token(field)
	set := v.set
	v.set = func(c *Config, s string) error {
		if s != "" && s != masked && len(s) < 32 {
			return errors.New("32 characters or more, such as openssl rand -hex 32 prints")
		}
		return set(c, s)
	}
	return v
}

// accessContradictions reports settings of access that are right by themselves but not together.
func accessContradictions(c Config) []Mistake {
	var all []Mistake
	add := func(name, given, problem string) {
		all = append(all, Mistake{Setting: name, Given: given, Problem: problem})
	}
	switch {
	case c.Auth == masked:
		return nil // not known, so neither is what fits it
	case c.Auth == "token" && c.AuthTokensFile == "":
		add("auth", c.Auth, "needs auth-tokens-file too")
	case c.Auth == "jwt" && c.JWTJWKSURL == "":
		add("auth", c.Auth, "needs jwt-jwks-url too")
	}
	for _, s := range accessSettings() {
		kind, given := "", s.value.show(c)
		switch {
		case s.name == "auth-tokens-file":
			kind = "token"
		case strings.HasPrefix(s.name, "jwt-"):
			kind = "jwt"
		}
		if kind != "" && kind != c.Auth && given != s.fallback {
			add(s.name, given, "needs auth "+kind+" too")
		}
	}
	return all
}

// accessWarnings says what lets in more than was probably meant.
func accessWarnings(c Config) []string {
	if c.Auth != "jwt" {
		return nil
	}
	var all []string
	if c.JWTIssuer == "" {
		all = append(all, "auth jwt without jwt-issuer takes the tokens of every issuer whose keys are at jwt-jwks-url")
	}
	if len(c.JWTAudience) == 0 {
		all = append(all, "auth jwt without jwt-audience takes tokens that were made for other services of the same issuer")
	}
	if u, err := url.Parse(c.JWTJWKSURL); err == nil && u.Scheme == "http" && !isLoopbackHost(u.Hostname()) {
		all = append(all, "jwt-jwks-url is fetched by http: whoever can change what comes over the network can make tokens; https prevents that")
	}
	return all
}
