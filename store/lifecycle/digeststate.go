package lifecycle

import (
	"encoding"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

var errDigestState = errors.New("not the state of a digest")

// State is what RestoreDigest makes the same digest from: "<offset> <place>
// <state>", where the state is what crypto/sha256 marshals, in base64. place says
// where it holds, without spaces: a state must not be believed where the bytes that
// it has seen may have become others.
func (d *Digest) State(place string) (string, error) {
	state, err := d.hash.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		return "", fmt.Errorf("marshal the state of the digest: %w", err)
	}
	return strconv.FormatInt(d.Offset, 10) + " " + place + " " + base64.RawStdEncoding.EncodeToString(state), nil
}

// RestoreDigest returns the digest whose State was text, of at most offset bytes;
// an error if it isn't one, or of another place.
func RestoreDigest(text, place string, offset int64) (*Digest, error) {
	s, err := parseDigestState(text)
	if err != nil || s.place != place || place == "" || s.offset > offset {
		return nil, errDigestState
	}
	d := NewDigest()
	if err := d.hash.(encoding.BinaryUnmarshaler).UnmarshalBinary(s.state); err != nil {
		return nil, fmt.Errorf("restore the state of the digest: %w", err)
	}
	// The state itself counts the bytes that it has seen; a record whose two
	// figures differ was written by somebody else.
	again, err := d.hash.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil || string(again) != string(s.state) || len(again) < 8 ||
		binary.BigEndian.Uint64(again[len(again)-8:]) != uint64(s.offset) {
		return nil, errDigestState
	}
	d.Offset, d.Saved = s.offset, s.offset
	return d, nil
}

// StateOffset returns how many bytes a state has seen; false if it isn't one.
func StateOffset(text string) (int64, bool) {
	s, err := parseDigestState(text)
	return s.offset, err == nil
}

type digestState struct {
	offset int64
	place  string
	state  []byte
}

func parseDigestState(text string) (digestState, error) {
	offset, rest, _ := strings.Cut(text, " ")
	place, encoded, ok := strings.Cut(rest, " ")
	n, err := strconv.ParseInt(offset, 10, 64)
	if !ok || err != nil || n < 0 || place == "" {
		return digestState{}, errDigestState
	}
	state, err := base64.RawStdEncoding.DecodeString(encoded)
	if err != nil || len(state) == 0 {
		return digestState{}, errDigestState
	}
	return digestState{offset: n, place: place, state: state}, nil
}
