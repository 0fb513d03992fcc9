package config_test

import (
	"strings"
	"testing"

	"plateau/config"
)

func TestS3SettingsFromEverySource(t *testing.T) {
	want := config.Default()
	want.Store, want.S3Bucket, want.S3Endpoint, want.S3Region = "s3", "uploads-eu", "https://s3.example:9000/x", "eu-central-1"
	want.S3Prefix, want.S3PathStyle, want.S3SSE = "eu/uploads/", "off", "aws:kms:arn:aws:kms:eu-central-1:1:key/2"
	want.S3StorageClass, want.S3Checksum, want.SpoolSize, want.Downloads = "STANDARD_IA", "crc32c-part", 64<<20, "redirect"
	wantFromEverySource(t, want, [][2]string{
		{"store", "s3"},
		{"s3-bucket", "uploads-eu"},
		{"s3-endpoint", "https://s3.example:9000/x/"},
		{"s3-region", "eu-central-1"},
		{"s3-prefix", "eu/uploads"},
		{"s3-path-style", "off"},
		{"s3-sse", "aws:kms:arn:aws:kms:eu-central-1:1:key/2"},
		{"s3-storage-class", "STANDARD_IA"},
		{"s3-checksum", "crc32c-part"},
		{"spool-size", "64MiB"},
		{"downloads", "redirect"},
	})
	l := load(t, config.Sources{Args: []string{"--store=s3", "--s3-bucket=bbb", "--s3-prefix=a/b", "--journal-size=0"}})
	if again := reload(t, printed(t, l)); again.Config.S3Prefix != "a/b/" {
		t.Errorf("the prefix came back as %q", again.Config.S3Prefix)
	}
}

func TestWrongS3Values(t *testing.T) {
	for name, values := range map[string][]string{
		"s3-bucket":        {"a", "a/b", "-ab", "a b", "s3://ab"},
		"s3-endpoint":      {"s3.example", "ftp://s3.example", "https://", "https://u:p@s3.example", "https://s3.example?x", "https://s3.example/#", "https://s3.example:99999"},
		"s3-region":        {"eu central", "eu/central"},
		"s3-prefix":        {"/a", "a//b", "a/../b", "./", "a b/", "/", "\u00e9/", strings.Repeat("x", 600)},
		"s3-path-style":    {"", "true", "path"},
		"s3-sse":           {"aes256", "aws:kms:", "kms"},
		"s3-storage-class": {"standard", "GLACIER", "DEEP_ARCHIVE", "A B"},
		"s3-checksum":      {"", "none", "md5"},
		"spool-size":       {"", "0", "63MiB", "1GB"},
	} {
		for _, value := range values {
			got := mistakes(t, config.Sources{Args: []string{"--store=s3", "--s3-bucket=uploads", "--" + name + "=" + value}})
			if len(got) != 1 || !strings.HasPrefix(got[0], name+" ") || !strings.Contains(got[0], "must be ") {
				t.Errorf("--%s=%q: %q", name, value, got)
			}
		}
	}
}

func TestStoreSettingsThatDoNotFitTogether(t *testing.T) {
	bucket := []string{"--store=s3", "--s3-bucket=uploads"}
	with := func(args ...string) []string { return append(bucket[:len(bucket):len(bucket)], args...) }
	for want, args := range map[string][]string{
		`store "s3" (flag): needs s3-bucket too`:                    {"--store=s3"},
		`downloads "redirect" (flag): needs store s3`:               {"--downloads=redirect"},
		`s3-bucket "uploads" (flag): needs store s3 too`:            {"--s3-bucket=uploads"},
		`s3-prefix "a/" (flag): needs store s3 too`:                 {"--s3-prefix=a"},
		`spool-size "2GiB" (flag): needs store s3 too`:              {"--spool-size=2GiB"},
		`s3-checksum "sha256" (flag): needs store s3 too`:           {"--s3-checksum=sha256"},
		`durability "none" (flag): needs store disk`:                with("--durability=none"),
		`journal-size "8MiB" (flag): needs store disk`:              with("--journal-size=8MiB"),
		`s3-checksum "sha256" (flag): needs an http s3-endpoint`:    with("--s3-checksum=sha256"),
		`s3-checksum "sha256" (flag): needs an http`:                with("--s3-checksum=sha256", "--s3-endpoint=https://s3.example"),
		`store "S3" (flag): must be disk or s3`:                     {"--store=S3", "--s3-bucket=uploads", "--downloads=redirect"},
		`s3-bucket "a/b" (flag): must be the name of a bucket`:      {"--store=s3", "--s3-bucket=a/b"},
		`s3-endpoint "s3" (flag): must be an absolute http or http`: with("--s3-checksum=sha256", "--s3-endpoint=s3"),
	} {
		wantLines(t, mistakes(t, config.Sources{Args: args}), want)
	}
	for _, args := range [][]string{
		with("--journal-size=0"), with("--durability=finish"), with("--downloads=redirect"), with("--downloads"),
		with("--s3-checksum=sha256", "--s3-endpoint=http://127.0.0.1:9000"),
	} {
		load(t, config.Sources{Args: args})
	}
}

// What may stand alone may have its value after it too, if that is one of its own.
func TestValueAfterFlagThatMayStandAlone(t *testing.T) {
	bucket := []string{"--store", "s3", "--s3-bucket", "uploads"}
	for args, want := range map[string]string{
		"--downloads redirect":                                "redirect",
		"-downloads redirect --multipart true":                "redirect",
		"--downloads false --multipart true --log-level=info": "false",
		"--downloads":                   "true",
		"--downloads --multipart false": "true",
	} {
		l := load(t, config.Sources{Args: append(bucket[:len(bucket):len(bucket)], strings.Fields(args)...)})
		if l.Config.Downloads != want || l.Config.Multipart == strings.Contains(args, "multipart false") {
			t.Errorf("%s: downloads %s, multipart %v", args, l.Config.Downloads, l.Config.Multipart)
		}
	}
	for want, args := range map[string]string{
		"redirect: is not expected here; write --multipart=true|false": "--multipart redirect",
		"redirect: is not expected here; settings are given as flags":  "--downloads=true redirect",
		"true: is not expected here; settings are given as flags":      "--downloads false true",
		"false: is not expected here":                                  "--downloads -- false",
	} {
		wantLines(t, mistakes(t, config.Sources{Args: strings.Fields(args)}), want)
	}
	l := load(t, config.Sources{Args: []string{"--data-dir", "--downloads", "--downloads=false"}})
	if l.Config.DataDir != "--downloads" || l.Config.Downloads != "false" {
		t.Errorf("%+v", l.Config)
	}
}
