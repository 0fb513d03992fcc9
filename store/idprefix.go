package store

import (
	"context"
	"strings"
)

const (
	// maxIDPrefix is the longest prefix of ids, in bytes.
	maxIDPrefix = 32
	// idPrefixEnd joins a prefix to the rest of an id. No prefix has it, so all ids of one
	// prefix lie together in a listing, and none of another between them.
	idPrefixEnd = "--"
)

// ValidIDPrefix reports whether ids can begin with prefix: ASCII letters, digits and "_",
// single "-" between them, a letter first, 32 bytes at most. The letter keeps it apart from
// ids that begin with the time.
func ValidIDPrefix(prefix string) bool {
	if prefix == "" || len(prefix) > maxIDPrefix {
		return false
	}
	last := byte('-')
	for i, c := range []byte(prefix) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case i > 0 && ('0' <= c && c <= '9' || c == '_' || c == '-' && last != '-'):
		default:
			return false
		}
		last = c
	}
	return last != '-'
}

// PrefixID returns the id of an upload that the request in ctx makes, of what the store
// would call it: "tenant1--" and that, if the request has the prefix tenant1.
func PrefixID(ctx context.Context, id string) string {
	if prefix := RequestFrom(ctx).IDPrefix; prefix != "" {
		return prefix + idPrefixEnd + id
	}
	return id
}

// CutIDPrefix parts an id, or a name that begins with one, into its prefix, with the
// hyphens that end it, and the rest; the prefix is empty where there is none.
func CutIDPrefix(id string) (prefix, rest string) {
	before, after, found := strings.Cut(id, idPrefixEnd)
	if !found || !ValidIDPrefix(before) {
		return "", id
	}
	return id[:len(id)-len(after)], after
}
