package config

import (
	"regexp"
	"strings"
	"time"
)

// policySettings say which uploads are taken.
func policySettings() []setting {
	const group = "Choosing uploads"
	mediaType := regexp.MustCompile(`^[a-z0-9][a-z0-9!#$&^_.+-]*/(\*|[a-z0-9][a-z0-9!#$&^_.+-]*)$`)
	extension := regexp.MustCompile(`^(\.[a-z0-9_+-]+)+$`)
	return []setting{
		{
			group: group, name: "policy-url", arg: "URL", secret: true,
			help:  "who is asked, by a POST, before an upload is created: docs/POLICY.md says what it hears and may answer",
			value: webAddress(func(c *Config) *string { return &c.PolicyURL }, "https://app.example/may-upload"),
		},
		{
			group: group, name: "policy-timeout", arg: "DURATION", fallback: "5s",
			help:  "time for an answer, 1ms or more",
			value: durationFrom(func(c *Config) *time.Duration { return &c.PolicyTimeout }, time.Millisecond),
		},
		{
			group: group, name: "policy-fail", arg: "closed|open", fallback: "closed",
			help:  "without an answer: closed refuses with 503, open lets the upload in",
			value: oneOf(func(c *Config) *string { return &c.PolicyFail }, "closed", "open"),
		},
		{
			group: group, name: "allow-types", arg: "LIST",
			help: "media types that are taken, as clients name them in the metadata filetype, separated by commas: " +
				"image/*,application/pdf; without it all",
			value: listOf(func(c *Config) *[]string { return &c.AllowTypes }, mediaType.MatchString,
				"media types in lower case, such as image/* and application/pdf"),
		},
		{
			group: group, name: "allow-extensions", arg: "LIST",
			help: "how names of files may end (the metadata filename), separated by commas: .jpg,.tar.gz; without it all",
			value: listOf(func(c *Config) *[]string { return &c.AllowExtensions }, extension.MatchString,
				"endings in lower case, such as .jpg and .tar.gz"),
		},
	}
}

// policyContradictions reports settings of the policy that nobody would be asked by.
func policyContradictions(c Config) []Mistake {
	var all []Mistake
	for _, s := range policySettings() {
		given := s.value.show(c)
		if strings.HasPrefix(s.name, "policy-") && c.PolicyURL == "" && given != s.fallback {
			all = append(all, Mistake{Setting: s.name, Given: given, Problem: "needs policy-url too"})
		}
	}
	return all
}
