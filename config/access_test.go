package config_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"plateau/config"
)

func TestAccessSettingsFromEverySource(t *testing.T) {
	t.Run("token", func(t *testing.T) {
		want := config.Default()
		want.Auth, want.AuthTokensFile, want.Listen = "token", "/etc/tokens", ":443"
		wantFromEverySource(t, want, [][2]string{{"auth", "token"}, {"auth-tokens-file", "/etc/tokens"}, {"listen", ":443"}})
	})
	t.Run("jwt", func(t *testing.T) {
		want := config.Default()
		want.Auth, want.JWTJWKSURL, want.JWTIssuer = "jwt", "https://id.example/keys?v=2", "https://id.example/"
		want.JWTAudience, want.JWTLeeway = []string{"uploads", "the page"}, time.Minute
		want.JWTAlgorithms, want.JWTAdminClaim = []string{"EdDSA", "PS512"}, "roles=upload-admin"
		wantFromEverySource(t, want, [][2]string{
			{"auth", "jwt"},
			{"jwt-jwks-url", "https://id.example/keys?v=2"},
			{"jwt-issuer", "https://id.example/"},
			{"jwt-audience", "uploads, the page"},
			{"jwt-leeway", "1m"},
			{"jwt-algorithms", "EdDSA,PS512"},
			{"jwt-admin-claim", "roles=upload-admin"},
		})
	})
}

func TestWrongAccessValues(t *testing.T) {
	jwt := []string{"--auth=jwt", "--jwt-jwks-url=https://id.example/keys"}
	policy := []string{"--policy-url=https://app.example/may"}
	for name, c := range map[string]struct {
		beside []string // what the setting needs
		values []string
	}{
		"auth-tokens-file": {[]string{"--auth=token"}, []string{"a\x00b"}},
		"jwt-jwks-url":     {[]string{"--auth=jwt"}, []string{"id.example", "/keys", "ftp://id.example", "https://u@id.example/k", "https://id.example/k#", "https:///k"}},
		"jwt-issuer":       {jwt, []string{"a\nb", "\xff"}},
		"jwt-audience":     {jwt, []string{"a,", ",a", "a,,b", "a\tb"}},
		"jwt-leeway":       {jwt, []string{"", "-1s", "30"}},
		"jwt-algorithms":   {jwt, []string{"", " ", "HS256", "RS256,HS256", "none", "rs256", "RS256,", "RS256 ES256"}},
		"jwt-admin-claim":  {jwt, []string{"=a", "a=", "a b", "a=b c", "a=b=c\n"}},
		"link-secret":      {nil, []string{"short", strings.Repeat("x", 31), strings.Repeat("x ", 32), "***"}},
		"link-time":        {nil, []string{"", "0", "999ms", "-1h"}},
		"policy-url":       {nil, []string{"app.example", "http://u:p@app.example", "http://app.example/#x"}},
		"policy-timeout":   {policy, []string{"", "0", "5", "-5s"}},
		"policy-fail":      {policy, []string{"", "Open", "ajar"}},
		"allow-types":      {nil, []string{"image", "*/*", "Image/png", "image/*,", "text/html; charset=utf-8", "image/*png"}},
		"allow-extensions": {nil, []string{"jpg", ".JPG", ".", "..jpg", ".jpg,", ".a/b", "*.jpg"}},
		"max-parts":        {nil, []string{"", "-1", "1k"}},
		"min-free-space":   {nil, []string{"", "-1", "10%"}},
		"quota-bytes":      {nil, []string{"", "-1", "1GB"}},
		"quota-open-bytes": {nil, []string{"", "1.5GiB"}},
		"quota-uploads":    {nil, []string{"", "-1", "1KiB"}},

		"limit-address-connections": {nil, []string{"", "-1"}},
		"limit-owner-uploads":       {nil, []string{"", "-1"}},
		"limit-creations":           {nil, []string{"", "0.5", "10/s"}},
		"otel-endpoint":             {nil, []string{"localhost:4318", "http://localhost:4318?x", "grpc://localhost:4317"}},
		"otel-sample-ratio":         {nil, []string{"", "1.5", "-0.1", "NaN", "10%"}},
	} {
		for _, value := range c.values {
			got := mistakes(t, config.Sources{Args: append(slices.Clone(c.beside), "--"+name+"="+value)})
			if len(got) != 1 || !strings.HasPrefix(got[0], name+" ") || !strings.Contains(got[0], "must be ") {
				t.Errorf("--%s=%q: %q", name, value, got)
			}
		}
	}
}

func TestAccessSettingsThatDoNotFitTogether(t *testing.T) {
	keys := "--jwt-jwks-url=https://id.example/keys"
	for want, args := range map[string][]string{
		`auth "token" (flag): needs auth-tokens-file too`:                     {"--auth=token"},
		`auth "jwt" (flag): needs jwt-jwks-url too`:                           {"--auth=jwt"},
		`auth-tokens-file "tokens" (flag): needs auth token too`:              {"--auth-tokens-file=tokens"},
		`auth-tokens-file "tokens" (flag): needs auth token `:                 {"--auth=jwt", keys, "--auth-tokens-file=tokens"},
		`auth-tokens-file "gone" (flag): cannot be read: `:                    {"--auth=token", "--auth-tokens-file=gone"},
		`jwt-jwks-url "https://id.example/keys" (flag): needs auth jwt too`:   {keys},
		`jwt-issuer "me" (flag): needs auth jwt too`:                          {"--auth=token", "--auth-tokens-file=tokens", "--jwt-issuer=me"},
		`jwt-audience "a,b" (flag): needs auth jwt too`:                       {"--jwt-audience=a,b"},
		`jwt-leeway "0s" (flag): needs auth jwt too`:                          {"--jwt-leeway=0"},
		`jwt-algorithms "ES256" (flag): needs auth jwt too`:                   {"--jwt-algorithms=ES256"},
		`jwt-admin-claim "admin" (flag): needs auth jwt too`:                  {"--jwt-admin-claim=admin"},
		`auth "jwtt" (flag): must be none or token or jwt`:                    {"--auth=jwtt", keys, "--auth-tokens-file=tokens"},
		`jwt-jwks-url "x" (flag): must be an absolute http or https URL`:      {"--auth=jwt", "--jwt-jwks-url=x"},
		`policy-timeout "1s" (flag): needs policy-url too`:                    {"--policy-timeout=1s"},
		`policy-fail "open" (flag): needs policy-url too`:                     {"--policy-fail=open"},
		`policy-url "***" (flag): must be an absolute http or https URL`:      {"--policy-url=hunter2", "--policy-fail=open"},
		`quota-open-bytes "2KiB" (flag): is more than quota-bytes`:            {"--quota-open-bytes=2KiB", "--quota-bytes=1KiB"},
		`min-free-space "2GiB" (flag): needs store disk`:                      {"--store=s3", "--s3-bucket=uploads", "--min-free-space=2GiB"},
		`listen ":1" (flag): is not a loopback address`:                       {"--listen=:1"},
		`link-secret-file "gone" (flag): cannot be read: `:                    {"--link-secret-file=gone"},
		`link-secret "***" (flag --link-secret-file): must be 32 characters `: {"--link-secret-file=short"},
	} {
		got := mistakes(t, config.Sources{Args: args, ReadFile: files(map[string]string{"tokens": "", "short": "hunter2"})})
		wantLines(t, got, want)
		if strings.Contains(strings.Join(got, ""), "hunter2") {
			t.Errorf("a secret is shown: %q", got)
		}
	}
}

func TestWideOpenAccessIsAWarning(t *testing.T) {
	whole := []string{"--auth=jwt", "--jwt-issuer=me", "--jwt-audience=a"}
	for want, args := range map[string][]string{
		"":                                      append(slices.Clone(whole), "--jwt-jwks-url=https://id.example/keys", "--listen=:1"),
		"auth jwt without jwt-issuer takes ":    {"--auth=jwt", "--jwt-audience=a", "--jwt-jwks-url=https://id.example/keys"},
		"auth jwt without jwt-audience takes ":  {"--auth=jwt", "--jwt-issuer=me", "--jwt-jwks-url=https://id.example/keys"},
		"jwt-jwks-url is fetched by http: whoe": append(slices.Clone(whole), "--jwt-jwks-url=http://id.example/keys"),
	} {
		l := load(t, config.Sources{Args: args})
		if got := strings.Join(l.Warnings, "\n"); !strings.HasPrefix(got, want) || (want == "") != (got == "") || len(l.Warnings) > 1 {
			t.Errorf("%q: warnings %q", args, l.Warnings)
		}
	}
	for _, own := range []string{"http://127.0.0.1:1/k", "http://localhost/k", "http://[::1]:1/k"} {
		if l := load(t, config.Sources{Args: append(slices.Clone(whole), "--jwt-jwks-url="+own)}); len(l.Warnings) > 0 {
			t.Errorf("%s: warnings %q", own, l.Warnings)
		}
	}
}

// Everybody reads the list of those who were let in, nobody the secrets.
func TestAccessSecretsAreNeverShown(t *testing.T) {
	l := load(t, config.Sources{Args: []string{
		"--link-secret=" + secret + secret + secret, "--policy-url=https://app.example/" + secret, "--jwt-algorithms=RS256,EdDSA", "--auth=jwt",
		"--jwt-jwks-url=https://id.example/keys",
	}})
	var out strings.Builder
	if err := l.WriteYAML(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"link-secret: \"***\"  # flag\n", "policy-url: \"***\"  # flag\n", "jwt-algorithms: [RS256, EdDSA]  # flag\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no line %q", want)
		}
	}
	if strings.Contains(out.String(), secret) {
		t.Error("a secret is shown")
	}
}
