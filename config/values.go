package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// masked stands where a secret would.
const masked = "***"

// value ties a field of Config to its text. set returns an error that completes the sentence "must be …", and then leaves
// the field as it was. What show returns, set understands as the same value.
type value struct {
	set     func(c *Config, text string) error
	show    func(c Config) string
	list    bool // more than one entry, separated by commas
	boolean bool // as a flag it may stand alone
}

// of builds a value from a field, a parser and its inverse.
func of[T any](field func(*Config) *T, parse func(string) (T, error), show func(T) string) value {
	return value{
		set: func(c *Config, text string) error {
			v, err := parse(text)
			if err == nil {
				*field(c) = v
			}
			return err
		},
		show: func(c Config) string { return show(*field(&c)) },
	}
}

func verbatim(s string) string { return s }

func text(field func(*Config) *string, mayBeEmpty bool) value {
	return of(field, func(s string) (string, error) {
		if s == "" && !mayBeEmpty {
			return "", errors.New("a path, not nothing")
		}
		if strings.ContainsRune(s, 0) {
			return "", errors.New("a path without a NUL character")
		}
		return s, nil
	}, verbatim)
}

func oneOf(field func(*Config) *string, allowed ...string) value {
	return of(field, func(s string) (string, error) {
		if !slices.Contains(allowed, s) {
			return "", errors.New(strings.Join(allowed, " or "))
		}
		return s, nil
	}, verbatim)
}

func boolean(field func(*Config) *bool) value {
	v := of(field, func(s string) (bool, error) {
		if s != "true" && s != "false" {
			return false, errors.New("true or false")
		}
		return s == "true", nil
	}, strconv.FormatBool)
	v.boolean = true
	return v
}

func number(field func(*Config) *int) value {
	return of(field, func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			return 0, errors.New("a whole number, 0 or more")
		}
		return n, nil
	}, strconv.Itoa)
}

func size(field func(*Config) *int64) value { return of(field, parseSize, formatSize) }

func sizeWithin(field func(*Config) *int64, least, most int64) value {
	return of(field, func(s string) (int64, error) {
		n, err := parseSize(s)
		if err == nil && (n < least || n > most) {
			err = fmt.Errorf("a size from %s to %s", formatSize(least), formatSize(most))
		}
		return n, err
	}, formatSize)
}

func duration(field func(*Config) *time.Duration) value {
	return of(field, func(s string) (time.Duration, error) {
		d, err := time.ParseDuration(s)
		if err != nil || d < 0 {
			return 0, errors.New("a duration with its unit, 0 or more: 500ms, 60s, 1h30m")
		}
		return d, nil
	}, formatDuration)
}

func durationFrom(field func(*Config) *time.Duration, least time.Duration) value {
	return of(field, func(s string) (time.Duration, error) {
		d, err := time.ParseDuration(s)
		if err != nil || d < least {
			return 0, errors.New("a duration with its unit, " + formatDuration(least) + " or more")
		}
		return d, nil
	}, formatDuration)
}

// formatDuration writes 60s and 1h where Go's own form is 1m0s and 1h0m0s.
func formatDuration(d time.Duration) string {
	if d > 0 && d < 2*time.Minute && d%time.Second == 0 {
		return strconv.FormatInt(int64(d/time.Second), 10) + "s"
	}
	s := d.String()
	if d%time.Minute == 0 && d != 0 {
		s = strings.TrimSuffix(s, "0s")
	}
	if d%time.Hour == 0 && d != 0 {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func level(field func(*Config) *slog.Level) value {
	return of(field, func(s string) (slog.Level, error) {
		for _, l := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
			if s == formatLevel(l) {
				return l, nil
			}
		}
		return 0, errors.New("debug, info, warn or error")
	}, formatLevel)
}

func formatLevel(l slog.Level) string { return strings.ToLower(l.String()) }

// token accepts what can be sent as a Bearer token, and refuses what WriteYAML prints in place of one.
func token(field func(*Config) *string) value {
	return of(field, func(s string) (string, error) {
		unprintable := func(r rune) bool { return r <= ' ' || r > '~' }
		switch {
		case strings.ContainsFunc(s, unprintable):
			return "", errors.New("printable ASCII characters without a space")
		case s == masked:
			return "", fmt.Errorf("the secret itself: %s is what plateau config prints in its place", masked)
		}
		return s, nil
	}, verbatim)
}

// listOf accepts entries separated by commas, each of which is legal. want says what these are.
func listOf(field func(*Config) *[]string, legal func(string) bool, want string) value {
	v := of(field, func(s string) ([]string, error) {
		all := splitList(s)
		for _, entry := range all {
			if !legal(entry) {
				return nil, fmt.Errorf("%s, but %q is none", want, entry)
			}
		}
		return all, nil
	}, func(all []string) string { return strings.Join(all, ",") })
	v.list = true
	return v
}

func prefixes(field func(*Config) *[]netip.Prefix) value {
	v := of(field, func(s string) ([]netip.Prefix, error) {
		var all []netip.Prefix
		for _, entry := range splitList(s) {
			p, err := parsePrefix(entry)
			if err != nil {
				return nil, fmt.Errorf("addresses or networks such as 10.0.0.0/8, 192.0.2.7, 2001:db8::/32, but %q is none", entry)
			}
			all = append(all, p)
		}
		return all, nil
	}, func(all []netip.Prefix) string {
		var entries []string
		for _, p := range all {
			entries = append(entries, p.String())
		}
		return strings.Join(entries, ",")
	})
	v.list = true
	return v
}

// parsePrefix takes a bare address as the network of that one address.
func parsePrefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return netip.Prefix{}, errors.New("covers more than the IPv4 addresses")
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

func origins(field func(*Config) *[]string) value {
	v := of(field, func(s string) ([]string, error) {
		var all []string
		for _, entry := range splitList(s) {
			origin, err := parseOrigin(entry)
			if err != nil {
				return nil, err
			}
			all = append(all, origin)
		}
		if slices.Contains(all, "*") && len(all) > 1 {
			return nil, errors.New("either * or a list of origins, not both")
		}
		return all, nil
	}, func(all []string) string { return strings.Join(all, ",") })
	v.list = true
	return v
}

// parseOrigin returns an origin as browsers send it: in lower case, without the default port.
func parseOrigin(s string) (string, error) {
	if s == "*" {
		return s, nil
	}
	wrong := fmt.Errorf("* or origins such as https://app.example or http://localhost:3000, with nothing after host and port, but %q is none", s)
	u, err := url.Parse(strings.ToLower(s))
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || !validHost(u) || u.Scheme+"://"+u.Host != strings.ToLower(s) {
		return "", wrong
	}
	if port := u.Port(); (u.Scheme == "http" && port == "80") || (u.Scheme == "https" && port == "443") {
		u.Host = strings.TrimSuffix(u.Host, ":"+port)
	}
	return u.Scheme + "://" + u.Host, nil
}

// splitList splits at commas and drops the white space around entries; an empty text is an empty list.
func splitList(s string) []string {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	entries := strings.Split(s, ",")
	for i := range entries {
		entries[i] = strings.TrimSpace(entries[i])
	}
	return entries
}
