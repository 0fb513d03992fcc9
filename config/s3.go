package config

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

const (
	leastSpool = 64 << 20 // room for a part of the largest size, and for another while it is sent
	mostSpool  = 1 << 50
)

// s3Settings are the rows about a bucket in place of a folder. Credentials are not among them: the AWS SDK finds them
// where it always does.
func s3Settings() []setting {
	const group = "Storing in S3 (--store s3)"
	return []setting{
		{
			group: group, name: "s3-bucket", arg: "NAME",
			help: "bucket of the uploads and of the events that wait; credentials come from where the AWS SDK looks: " +
				"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws, or the machine's role",
			value: matching(func(c *Config) *string { return &c.S3Bucket }, `^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$`,
				"the name of a bucket, such as uploads-eu: letters, digits, dots and hyphens"),
		},
		{
			group: group, name: "s3-endpoint", arg: "URL",
			help:  "address of the S3 API; without it, AWS",
			value: endpoint(func(c *Config) *string { return &c.S3Endpoint }),
		},
		{
			group: group, name: "s3-region", arg: "NAME",
			help: "region of the bucket; without it, what the AWS SDK finds, or else us-east-1",
			value: matching(func(c *Config) *string { return &c.S3Region }, `^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`,
				"the name of a region, such as eu-central-1"),
		},
		{
			group: group, name: "s3-prefix", arg: "PREFIX",
			help:  "begins every key, with a slash at its end, so that several may share a bucket: eu/uploads/",
			value: keyPrefix(func(c *Config) *string { return &c.S3Prefix }),
		},
		{
			group: group, name: "s3-path-style", arg: "auto|on|off", fallback: "auto",
			help: "whether the bucket's name stands in the path of addresses (on) or in their host (off); auto: in the path " +
				"where the endpoint's host is an IP address or has no dot",
			value: oneOf(func(c *Config) *string { return &c.S3PathStyle }, "auto", "on", "off"),
		},
		{
			group: group, name: "s3-sse", arg: "METHOD",
			help: "encryption that is asked for: AES256, aws:kms or aws:kms:KEY; without it, what the bucket does by itself",
			value: matching(func(c *Config) *string { return &c.S3SSE }, `^(AES256|aws:kms(:[A-Za-z0-9:/._-]+)?)$`,
				"AES256, aws:kms or aws:kms: with a key's id"),
		},
		{
			group: group, name: "s3-storage-class", arg: "CLASS",
			help:  "storage class of uploads, such as STANDARD_IA; without it, the bucket's own",
			value: storageClass(func(c *Config) *string { return &c.S3StorageClass }),
		},
		{
			group: group, name: "s3-checksum", arg: "crc32c|crc32c-object|sha256", fallback: "crc32c",
			help: "how bytes are proved on their way: crc32c; crc32c-object, where S3 is to keep checksums of whole uploads, with which " +
				"tusd can't go on; sha256, for endpoints without CRC32C, over http only",
			value: oneOf(func(c *Config) *string { return &c.S3Checksum }, "crc32c", "crc32c-part", "crc32c-object", "sha256"),
		},
		{
			group: group, name: "spool-size", arg: "SIZE", fallback: "1GiB",
			help:  "most space of the temporary files in --data-dir where bytes wait until they are sent to S3; 64MiB or more",
			value: sizeWithin(func(c *Config) *int64 { return &c.SpoolSize }, leastSpool, mostSpool),
		},
	}
}

// matching accepts nothing, or what the pattern does.
func matching(field func(*Config) *string, pattern, want string) value {
	legal := regexp.MustCompile(pattern)
	return of(field, func(s string) (string, error) {
		if s != "" && !legal.MatchString(s) {
			return "", errors.New(want)
		}
		return s, nil
	}, verbatim)
}

func endpoint(field func(*Config) *string) value {
	return of(field, func(s string) (string, error) {
		if s != "" && !isWebRoot(s) {
			return "", errors.New("an absolute http or https URL without user, bucket and query, such as https://s3.example:9000")
		}
		return strings.TrimRight(s, "/"), nil
	}, verbatim)
}

// keyPrefix adds the slash that may be missing at the end, as tusd does.
func keyPrefix(field func(*Config) *string) value {
	segments := regexp.MustCompile(`^([A-Za-z0-9!_.*'()-]+/)*$`)
	return of(field, func(s string) (string, error) {
		if s != "" && !strings.HasSuffix(s, "/") {
			s += "/"
		}
		dots := func(segment string) bool { return segment == "." || segment == ".." }
		if len(s) > 512 || !segments.MatchString(s) || slices.ContainsFunc(strings.Split(s, "/"), dots) {
			return "", errors.New("the beginning of a key, such as eu/uploads/: letters, digits and !_.*'()- between slashes, none at its start")
		}
		return s, nil
	}, verbatim)
}

func storageClass(field func(*Config) *string) value {
	v := matching(field, `^[A-Z][A-Z0-9_]{0,63}$`, "the name of a storage class, such as STANDARD_IA")
	set := v.set
	v.set = func(c *Config, text string) error {
		if text == "GLACIER" || text == "DEEP_ARCHIVE" {
			return errors.New("a class whose objects can be read at once")
		}
		return set(c, text)
	}
	return v
}

// downloadModes accepts what boolean does, and redirect.
func downloadModes(field func(*Config) *string) value {
	v := oneOf(field, "true", "false", "redirect")
	v.boolean = true
	return v
}

// storeContradictions reports settings of the store that are right by themselves but not together.
func storeContradictions(c Config) []Mistake {
	switch c.Store {
	case "disk":
		return diskContradictions(c)
	case "s3":
		return s3Contradictions(c)
	}
	return nil // not known, so neither is what fits it
}

func diskContradictions(c Config) []Mistake {
	var all []Mistake
	if c.Downloads == "redirect" {
		all = append(all, Mistake{Setting: "downloads", Given: c.Downloads, Problem: "needs store s3: a file has no address elsewhere"})
	}
	for _, s := range s3Settings() {
		if given := s.value.show(c); given != s.fallback {
			all = append(all, Mistake{Setting: s.name, Given: given, Problem: "needs store s3 too"})
		}
	}
	return all
}

func s3Contradictions(c Config) []Mistake {
	var all []Mistake
	add := func(name, given, problem string) {
		all = append(all, Mistake{Setting: name, Given: given, Problem: problem})
	}
	if c.S3Bucket == "" {
		add("store", c.Store, "needs s3-bucket too")
	}
	if c.Durability == "none" {
		add("durability", c.Durability, "needs store disk; S3 is believed when it says that it has stored something")
	}
	if c.JournalSize != 0 && c.JournalSize != Default().JournalSize {
		add("journal-size", formatSize(c.JournalSize), "needs store disk; with S3 there is no journal")
	}
	if c.MinFreeSpace != 0 && c.MinFreeSpace != Default().MinFreeSpace {
		add("min-free-space", formatSize(c.MinFreeSpace), "needs store disk; spool-size bounds what S3's temporary files take")
	}
	if c.S3Checksum == "sha256" && !strings.HasPrefix(c.S3Endpoint, "http:") {
		add("s3-checksum", c.S3Checksum, "needs an http s3-endpoint: over TLS the AWS SDK signs no body, so nothing would prove it; crc32c does")
	}
	return all
}
