package config

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// address accepts host:port with a number as port. The host may be empty: every interface.
func address(field func(*Config) *string, mayBeEmpty bool) value {
	return of(field, func(s string) (string, error) {
		if s == "" && mayBeEmpty {
			return "", nil
		}
		host, port, err := net.SplitHostPort(s)
		if err != nil || !validPort(port) || !validName(host) {
			want := "host:port such as 127.0.0.1:8080, [::1]:8080 or :8080, with a port from 0 to 65535"
			if mayBeEmpty {
				want += ", or empty"
			}
			return "", errors.New(want)
		}
		return s, nil
	}, verbatim)
}

func validPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

// validName reports whether s can be a host name or an address; whether it exists, only listening can tell.
func validName(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune(`/\?#@"'<>,*`, r)
	})
}

// validHost reports whether the URL names a host, and a port that can exist.
func validHost(u *url.URL) bool {
	host := u.Hostname()
	if host == "" || !validName(host) || strings.HasSuffix(u.Host, ":") {
		return false
	}
	return u.Port() == "" || validPort(u.Port())
}

// isLoopback reports whether only this machine can reach a listener at the address. A name other than localhost is taken
// for one that others can reach: what it resolves to may change.
func isLoopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	return err == nil && isLoopbackHost(host)
}

func isLoopbackHost(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}

func baseURL(field func(*Config) *string) value {
	return of(field, func(s string) (string, error) {
		if s != "" && !isWebRoot(s) {
			return "", errors.New("an absolute http or https URL without user, query and fragment, such as https://uploads.example/tus")
		}
		return strings.TrimRight(s, "/"), nil
	}, verbatim)
}

// webAddress accepts nothing, or what can be asked over HTTP. It takes no user: the log shows the host. Where path and query
// may be secrets, the setting is one.
func webAddress(field func(*Config) *string, example string) value {
	return of(field, func(s string) (string, error) {
		if s != "" && !isWebAddress(s) {
			return "", errors.New("an absolute http or https URL without user and fragment, such as " + example)
		}
		return s, nil
	}, verbatim)
}

// webRoot accepts nothing, or what paths are added to.
func webRoot(field func(*Config) *string, example string) value {
	return of(field, func(s string) (string, error) {
		if s != "" && !isWebRoot(s) {
			return "", errors.New("an absolute http or https URL without user, query and fragment, such as " + example)
		}
		return s, nil
	}, verbatim)
}

func isWebAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && validHost(u) && u.User == nil && !strings.Contains(s, "#")
}

func isWebRoot(s string) bool { return isWebAddress(s) && !strings.Contains(s, "?") }
