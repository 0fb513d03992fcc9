package bucket

import (
	"strings"
	"testing"
)

func TestValidateReportsEverything(t *testing.T) {
	err := Options{
		Name: "", Prefix: "/x", Endpoint: "example.org", PathStyle: "maybe", SSE: "rot13",
		Checksum: "md5", AccessKey: "a", Conns: -1,
	}.Validate()
	wantWords(t, err, "Name", "Prefix", "Endpoint", "PathStyle", "SSE", "Checksum", "SecretKey", "negative")
}

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		o   Options
		say string // empty: valid
	}{
		"least":              {Options{Name: "b"}, ""},
		"AES256":             {Options{Name: "b", SSE: "AES256"}, ""},
		"kms":                {Options{Name: "b", SSE: "aws:kms"}, ""},
		"kms with a key":     {Options{Name: "b", SSE: "aws:kms:arn:aws:kms:eu-west-1:1:key/2"}, ""},
		"kms without a key":  {Options{Name: "b", SSE: "aws:kms:"}, "SSE"},
		"sha256 at AWS":      {Options{Name: "b", Checksum: "sha256"}, "TLS"},
		"sha256 over TLS":    {Options{Name: "b", Checksum: "sha256", Endpoint: "https://h"}, "TLS"},
		"sha256 over http":   {Options{Name: "b", Checksum: "sha256", Endpoint: "http://h"}, ""},
		"endpoint, no host":  {Options{Name: "b", Endpoint: "http://"}, "Endpoint"},
		"endpoint, password": {Options{Name: "b", Endpoint: "http://u:p@h"}, "Endpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.o.Validate()
			if c.say == "" && err != nil || c.say != "" && (err == nil || !strings.Contains(err.Error(), c.say)) {
				t.Errorf("Validate says %v, want %q", err, c.say)
			}
		})
	}
}

func TestPathStyle(t *testing.T) {
	for _, c := range []struct {
		setting, endpoint string
		want              bool
	}{
		{"auto", "", false},
		{"auto", "http://127.0.0.1:9000", true},
		{"auto", "http://[::1]:9000", true},
		{"auto", "http://localhost:9000", true},
		{"auto", "http://s3.localhost:9000", true},
		{"auto", "http://minio:9000", true},
		{"auto", "https://s3.example.org", false},
		{"on", "https://s3.example.org", true},
		{"on", "", true},
		{"off", "http://127.0.0.1:9000", false},
	} {
		if got := pathStyle(c.setting, c.endpoint); got != c.want {
			t.Errorf("%s, %q: %v", c.setting, c.endpoint, got)
		}
	}
}
