package outbox

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"plateau/store"
)

const (
	pendingPrefix = "outbox/pending/"
	deadPrefix    = "outbox/dead/"

	objectLength = 32 // hexadecimal digits of an object that Plateau named
	timeLength   = 12 // of which so many are its creation time in milliseconds
	untimed      = "0-"
	behind       = "--" // what joins a prefix

	maxObject    = 128 // bytes
	maxMultipart = 1_024
)

// The years that a creation time can lie in. tusd's objects are random digits, of
// which one in a hundred looks like a time; it does no harm.
var (
	earliest = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	latest   = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
)

var errNotAnEntry = errors.New("this is not the name of an entry")

// nameOf is the name of the entry of an upload. A prefix of its id stands behind the time, so
// that entries are by age whatever their prefixes.
func nameOf(id string) (string, error) {
	object, multipart, _ := strings.Cut(id, "+")
	if !validObject(object) || !validMultipart(multipart) {
		return "", fmt.Errorf("%.200q is not the id of an upload", id)
	}
	prefix, own := store.CutIDPrefix(object)
	switch {
	case !timed(own):
		return untimed + object, nil
	case prefix != "":
		return own + behind + strings.TrimSuffix(prefix, behind), nil
	}
	return own, nil
}

// isName reports whether nameOf can have returned a name.
func isName(name string) bool {
	if object, ok := strings.CutPrefix(name, untimed); ok {
		_, own := store.CutIDPrefix(object)
		return validObject(object) && !timed(own)
	}
	own, prefix, prefixed := strings.Cut(name, behind)
	return timed(own) && (!prefixed || store.ValidIDPrefix(prefix))
}

// timed: the object begins with a creation time.
func timed(object string) bool {
	if len(object) != objectLength || strings.Trim(object, "0123456789abcdef") != "" {
		return false
	}
	at, err := strconv.ParseInt(object[:timeLength], 16, 64)
	return err == nil && at >= earliest && at < latest
}

func validObject(object string) bool {
	if object == "" || len(object) > maxObject {
		return false
	}
	for _, c := range []byte(object) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// validMultipart: what S3 calls a multipart upload is any text.
func validMultipart(id string) bool {
	for _, c := range []byte(id) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return len(id) <= maxMultipart
}

// before is a name that a listing can start after so that name is in it.
func before(name string) string { return name[:len(name)-1] }
