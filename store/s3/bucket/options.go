package bucket

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"
)

// wholeObject is the Options.Checksum of multipart uploads that keep checksums.
const wholeObject = "crc32c-object"

// Options are what a Bucket needs. The zero value of a field with a default means
// the default.
type Options struct {
	// Name is the bucket. Required.
	Name string
	// Prefix is put before every key, as it is: "uploads/" with its slash. It may be
	// empty.
	Prefix string
	// Endpoint is the address of the S3 API, as "https://s3.example.org:9000". Empty:
	// AWS, or what the SDK's own environment variables name.
	Endpoint string
	// Region signs the requests. Default: the SDK's own chain, else us-east-1, which
	// endpoints other than AWS take for their own.
	Region string
	// PathStyle puts the bucket's name into the path ("on") or into the host ("off").
	// Default "auto": into the path where the endpoint's host is an IP address or a name
	// without a dot (localhost, a neighbour in compose).
	PathStyle string
	// SSE is the encryption at rest that is asked for: "" for what the bucket does by
	// itself, "AES256", "aws:kms", or "aws:kms:<key id>".
	SSE string
	// StorageClass is that of what is to stay (Content.Lasting, and multipart uploads);
	// empty: the bucket's own.
	StorageClass string
	// Checksum is how bodies are proved: "crc32c" (the default) and "crc32c-part", which is
	// the same: a header with each body, and plain multipart uploads, which tusd can go on
	// with; "crc32c-object": multipart uploads that keep the checksums, and prove the object
	// by them; or "sha256" (signed payloads, for endpoints without CRC32C; http only, since
	// over TLS the SDK doesn't sign the body).
	Checksum string
	// AccessKey and SecretKey are for tests. Both empty: the SDK's own chain
	// (environment, shared files, web identity, container, instance).
	AccessKey, SecretKey string
	// CallTimeout is how long one attempt of a call without a large body may take.
	// Default 10 s.
	CallTimeout time.Duration
	// BodyTimeout is how long one attempt of sending or copying a part may take, besides
	// a second for each MB. Default 30 s. It is also how long a reader of Open waits for the
	// next bytes.
	BodyTimeout time.Duration
	// CompleteTimeout is how long Complete waits for its answer. Default 120 s.
	CompleteTimeout time.Duration
	// Conns is the most connections at a time. Default 128.
	Conns int
	// Called hears of each HTTP attempt: the S3 call ("PutObject"), how long it took, and
	// its outcome as the method would return it. It may be called by several goroutines.
	Called func(call string, took time.Duration, err error)
	// Log hears of what no caller can be told. Default: nothing.
	Log *slog.Logger
}

// Validate reports everything that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("bucket: "+format, args...)) }
	if o.Name == "" || strings.Contains(o.Name, "/") {
		bad("Name is %q, not the name of a bucket", o.Name)
	}
	if strings.HasPrefix(o.Prefix, "/") || strings.Contains(o.Prefix, "//") {
		bad("Prefix is %q: it must not begin with a slash, nor have two in a row", o.Prefix)
	}
	encrypted := true // on the way
	if o.Endpoint != "" {
		u, err := url.Parse(o.Endpoint)
		switch {
		case err != nil:
			bad("Endpoint: %w", err)
		case u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "":
			bad("Endpoint is %q, not an address like https://s3.example.org", o.Endpoint)
		default:
			encrypted = u.Scheme == "https"
		}
	}
	switch o.PathStyle {
	case "", "auto", "on", "off":
	default:
		bad("PathStyle is %q, not auto, on or off", o.PathStyle)
	}
	if method, key, hasKey := cutSSE(o.SSE); method != "" && method != "AES256" && method != "aws:kms" || hasKey && key == "" {
		bad("SSE is %q, not AES256, aws:kms or aws:kms:<key id>", o.SSE)
	}
	switch o.Checksum {
	case "", "crc32c", "crc32c-part", wholeObject:
	case "sha256":
		if encrypted {
			bad("Checksum is sha256, but over TLS the body isn't signed, and nothing would prove it: use crc32c")
		}
	default:
		bad("Checksum is %q, not crc32c, crc32c-object or sha256", o.Checksum)
	}
	if (o.AccessKey == "") != (o.SecretKey == "") {
		bad("of AccessKey and SecretKey only one is set")
	}
	if o.CallTimeout < 0 || o.BodyTimeout < 0 || o.CompleteTimeout < 0 || o.Conns < 0 {
		bad("a timeout or count is negative")
	}
	return errors.Join(errs...)
}

// cutSSE takes "aws:kms:<key id>" apart; hasKey says that there is a second colon.
func cutSSE(sse string) (method, key string, hasKey bool) {
	if rest, ok := strings.CutPrefix(sse, "aws:kms:"); ok {
		return "aws:kms", rest, true
	}
	return sse, "", false
}

func (o Options) withDefaults() Options {
	o.PathStyle = cmp.Or(o.PathStyle, "auto")
	o.Checksum = cmp.Or(o.Checksum, "crc32c")
	o.CallTimeout = cmp.Or(o.CallTimeout, 10*time.Second)
	o.BodyTimeout = cmp.Or(o.BodyTimeout, 30*time.Second)
	o.CompleteTimeout = cmp.Or(o.CompleteTimeout, 120*time.Second)
	o.Conns = cmp.Or(o.Conns, 128)
	if o.Called == nil {
		o.Called = func(string, time.Duration, error) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}
