package bucket

import "errors"

// What a caller can tell apart, by errors.Is. The text of an error says the call, the
// key and what the endpoint said.
var (
	// ErrNotFound: there is no such object.
	ErrNotFound = errors.New("no such object")
	// ErrConflict: the condition does not hold; somebody else wrote the object.
	ErrConflict = errors.New("the object is not as expected")
	// ErrNoMultipart: there is no such multipart upload. It may have been completed or
	// aborted, and on some endpoints it can't be seen while it is being completed.
	ErrNoMultipart = errors.New("no such multipart upload")
	// ErrInvalidParts: the endpoint will not make an object of these parts. The multipart
	// upload is still there.
	ErrInvalidParts = errors.New("the parts do not fit")
	// ErrUnsure: the outcome of Complete is unknown; it may still become an object. If the
	// endpoint was away too, the error is also ErrAway.
	ErrUnsure = errors.New("the outcome is unknown")
	// ErrAway: the endpoint can't be reached, is too slow, throttles, or fails (5xx). It
	// may have done what it was asked. Trying again later is right.
	ErrAway = errors.New("the endpoint is away")
	// ErrRefused: credentials, rights, clock, region or settings are wrong; trying again
	// helps only after an operator did something.
	ErrRefused = errors.New("the endpoint refused")
	// ErrDamaged: the content has another checksum than its CRC32C, here already; so the
	// endpoint did not take it.
	ErrDamaged = errors.New("the content is damaged")
	// ErrTooLarge: the object has more bytes than Read was to take.
	ErrTooLarge = errors.New("the object is too large")
	// ErrRange: the range that Open was asked for begins at or after the object's end.
	ErrRange = errors.New("the range lies outside of the object")
	// ErrClosed: the Bucket was closed.
	ErrClosed = errors.New("the bucket was closed")
)
