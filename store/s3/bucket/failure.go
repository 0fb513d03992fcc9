package bucket

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// failure is a call's error: what kind it is, and the endpoint's own words.
type failure struct {
	call, subject string
	kind          error // one of the Err… of this package
	passing       bool  // another attempt may do better
	unsent        bool  // there was no connection: the endpoint did nothing
	status        int   // of the answer; 0: there was none
	code, said    string
	header        http.Header // of the answer; may be nil
}

func (f *failure) Error() string {
	return fmt.Sprintf("%s %s: %v: %s", f.call, f.subject, f.kind, f.said)
}

// The SDK's own errors stay inside: a deadline of an attempt isn't the caller's.
func (f *failure) Unwrap() error { return f.kind }

// codeNoTLS is our own code: the endpoint was to speak https, and speaks http.
const codeNoTLS = "NoTLS"

// verdict is what an answer means to us.
type verdict struct {
	kind    error
	passing bool
}

// verdictOf is the table of error codes that are not what their status says.
func verdictOf(code string) (verdict, bool) {
	switch code {
	case "NoSuchKey", "NotFound":
		return verdict{ErrNotFound, false}, true
	case "NoSuchUpload":
		return verdict{ErrNoMultipart, false}, true
	case "PreconditionFailed":
		return verdict{ErrConflict, false}, true
	case "InvalidPart", "InvalidPartOrder", "EntityTooSmall":
		return verdict{ErrInvalidParts, false}, true
	case "InvalidRange":
		return verdict{ErrRange, false}, true
	case "ConditionalRequestConflict", "OperationAborted":
		// AWS, while another request for the key runs: nothing was decided.
		return verdict{ErrAway, true}, true
	case "RequestTimeout", "SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests":
		return verdict{ErrAway, true}, true
	case "BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch", "IncompleteBody":
		// The body was cut or damaged on its way, unless it was before (see blame).
		return verdict{ErrAway, true}, true
	case "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture":
		// The SDK signs the next attempt with the time of this answer.
		return verdict{ErrRefused, true}, true
	case "NoSuchBucket", "NotImplemented", "XAdminUserNotFound": // the last: versitygw of an access key, by a 404
		return verdict{ErrRefused, false}, true
	}
	return verdict{}, false
}

// verdictOfStatus is for all other codes, and answers without a body.
func verdictOfStatus(status int) verdict {
	switch {
	case status == http.StatusNotFound:
		return verdict{ErrNotFound, false}
	case status == http.StatusPreconditionFailed:
		return verdict{ErrConflict, false}
	case status == http.StatusRequestedRangeNotSatisfiable:
		return verdict{ErrRange, false}
	case status == http.StatusNotImplemented:
		return verdict{ErrRefused, false}
	case status == http.StatusConflict, status == http.StatusRequestTimeout, status == http.StatusTooManyRequests,
		status >= http.StatusInternalServerError, status < http.StatusMultipleChoices: // below 300: it can't be read
		return verdict{ErrAway, true}
	}
	return verdict{ErrRefused, false}
}

// classify makes a failure of what the SDK returned.
func classify(c call, err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok { // found by us, in an answer
		f.call, f.subject = c.name, c.subject
		return f
	}
	f := &failure{call: c.name, subject: c.subject}
	if missing, ok := errors.AsType[errNoCredentials](err); ok {
		f.kind, f.code, f.said = ErrRefused, "NoCredentials", "no credentials: "+missing.Error()
		return f
	}
	if answer, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && answer.Response != nil {
		f.status = answer.HTTPStatusCode()
		f.header = answer.Response.Header
	}
	if f.status == 0 {
		f.classifySending(err)
		return f
	}
	f.said = fmt.Sprintf("%d %s", f.status, http.StatusText(f.status))
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		f.code = api.ErrorCode()
		f.said = fmt.Sprintf("%d %s: %s", f.status, f.code, api.ErrorMessage())
	} else if f.status < http.StatusMultipleChoices {
		f.said += ", and then: " + innermost(err)
	}
	v, known := verdictOf(f.code)
	if !known {
		v = verdictOfStatus(f.status)
	}
	f.kind, f.passing = v.kind, v.passing
	return f
}

// classifySending is for a request that got no answer.
func (f *failure) classifySending(err error) {
	f.said = innermost(err)
	f.kind, f.passing = ErrAway, true
	if errors.Is(err, http.ErrSchemeMismatch) {
		f.kind, f.passing, f.unsent, f.code = ErrRefused, false, true, codeNoTLS
		return
	}
	sending, sent := errors.AsType[*smithyhttp.RequestSendError](err)
	if _, distrusted := errors.AsType[*tls.CertificateVerificationError](err); distrusted || !sent {
		// The SDK couldn't even make the request: what it was given is wrong.
		f.kind, f.passing, f.unsent = ErrRefused, false, true
		return
	}
	if op, ok := errors.AsType[*net.OpError](sending); ok && op.Op == "dial" {
		f.unsent = true
	}
}

// innermost leaves out the layers of the SDK, whose texts are long and say nothing.
func innermost(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op != "dial" {
		// Without the ports, that differ each time.
		for inner, ok := op, true; ok; inner, ok = errors.AsType[*net.OpError](op.Err) {
			op = inner
		}
		return fmt.Sprintf("the connection broke: %v", op.Err)
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err.Error()
	}
	text := err.Error()
	if _, rest, ok := strings.Cut(text, "RequestID: "); ok {
		if _, inner, ok := strings.Cut(rest, ", "); ok {
			return strings.TrimPrefix(inner, "HostID: , ")
		}
	}
	return text
}
