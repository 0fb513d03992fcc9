package server

import (
	"net/url"
	"strings"

	"plateau/store"
)

// rewriteConcat returns an Upload-Concat header as tusd reads it rightly: the
// addresses of the parts are paths under filesPath. tusd would misread a host
// called "files" and a query, and would not understand path-only addresses
// beside absolute ones. Only the last segment of an address counts; its host is
// checked where the server knows its own (base, which may be nil).
func rewriteConcat(header string, base *url.URL, valid func(id string) bool) (string, error) {
	if header == "" || header == "partial" {
		return header, nil
	}
	list, ok := strings.CutPrefix(header, "final;")
	if !ok {
		return "", invalidConcat("it must be \"partial\" or \"final;\" and the parts' addresses")
	}
	addresses := strings.Fields(list)
	if len(addresses) == 0 {
		return "", invalidConcat("it names no part")
	}
	for i, address := range addresses {
		u, err := url.Parse(address)
		if err != nil {
			return "", invalidConcat("a part's address can't be read")
		}
		if base != nil && u.Host != "" && !sameHost(u, base) {
			return "", invalidConcat("a part's address is that of another server")
		}
		id := lastSegment(u.Path)
		if !valid(id) {
			return "", store.NotFound()
		}
		addresses[i] = filesPath + id
	}
	return "final;" + strings.Join(addresses, " "), nil
}

// partsIn is how many parts a rewritten Upload-Concat header names.
func partsIn(concat string) int {
	if !strings.HasPrefix(concat, "final;") {
		return 0
	}
	return strings.Count(concat, " ") + 1
}

// sameHost compares hosts and ports, where a port may be left out.
func sameHost(a, b *url.URL) bool {
	return strings.EqualFold(a.Hostname(), b.Hostname()) && portOf(a) == portOf(b)
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}
