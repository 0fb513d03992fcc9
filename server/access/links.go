package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"strconv"
	"time"
)

// What Links.Check says of a signed address; test with errors.Is.
var (
	// ErrLinkInvalid: nobody here has signed this.
	ErrLinkInvalid = errors.New("the link is not valid")
	// ErrLinkExpired: the link was signed here, and its time is over.
	ErrLinkExpired = errors.New("the link has expired")
)

// Links sign addresses that open one upload for a while, to whoever has the address: HMAC-SHA256 over the upload's id and the
// end of its time, in whole seconds. They keep nothing, so an address can't be taken back, save by another secret.
type Links struct{ secret []byte }

// NewLinks makes Links with a secret; without one it is made at random, and no other Links know its addresses.
func NewLinks(secret string) *Links {
	l := &Links{secret: []byte(secret)}
	if secret == "" {
		l.secret = make([]byte, 32)
		_, _ = rand.Read(l.secret) // it never fails
	}
	return l
}

// The names in the query of a signed address.
const (
	linkExpires   = "expires"   // seconds since 1970
	linkSignature = "signature" // 43 characters of base64url
)

// Sign returns the query of an address that opens an upload until expires.
func (l *Links) Sign(id string, expires time.Time) string {
	at := expires.Unix()
	return linkExpires + "=" + strconv.FormatInt(at, 10) + "&" + linkSignature + "=" + base64.RawURLEncoding.EncodeToString(l.sum(id, at))
}

// Signed reports whether a query is that of a signed address, right or wrong.
func Signed(query url.Values) bool { return query.Has(linkSignature) }

// Check returns until when a signed address opens an upload, or ErrLinkInvalid or ErrLinkExpired. What else is in the query doesn't
// matter: some programs add to addresses.
func (l *Links) Check(id string, query url.Values, now time.Time) (expires time.Time, err error) {
	if len(query[linkExpires]) != 1 || len(query[linkSignature]) != 1 {
		return expires, ErrLinkInvalid
	}
	at, err := strconv.ParseInt(query.Get(linkExpires), 10, 64)
	if err != nil || strconv.FormatInt(at, 10) != query.Get(linkExpires) {
		return expires, ErrLinkInvalid
	}
	given, err := base64.RawURLEncoding.Strict().DecodeString(query.Get(linkSignature))
	if err != nil || !hmac.Equal(given, l.sum(id, at)) {
		return expires, ErrLinkInvalid
	}
	expires = time.Unix(at, 0)
	if !now.Before(expires) {
		return expires, ErrLinkExpired
	}
	return expires, nil
}

func (l *Links) sum(id string, at int64) []byte {
	mac := hmac.New(sha256.New, l.secret)
	// An id has no newline in it, so no two pairs are one text.
	mac.Write([]byte("plateau link\n" + id + "\n" + strconv.FormatInt(at, 10)))
	return mac.Sum(nil)
}
