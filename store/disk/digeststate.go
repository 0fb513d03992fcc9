package disk

import (
	"encoding"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
)

// keyDigestState is where a record of an unfinished upload has the state of its
// digest, in a record's Storage map: "<offset> <boot id> <state>". The state is
// what crypto/sha256 marshals, in base64.
const keyDigestState = "DigestState"

var errDigestState = errors.New("not the state of a digest")

// digestState is a saved state.
type digestState struct {
	offset int64
	boot   string
	state  []byte
}

func formatDigestState(d *digest, boot string) (string, error) {
	state, err := d.hash.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		return "", fmt.Errorf("marshal the state of the digest: %w", err)
	}
	return strconv.FormatInt(d.offset, 10) + " " + boot + " " + base64.RawStdEncoding.EncodeToString(state), nil
}

func parseDigestState(text string) (digestState, error) {
	offset, rest, _ := strings.Cut(text, " ")
	boot, encoded, ok := strings.Cut(rest, " ")
	n, err := strconv.ParseInt(offset, 10, 64)
	if !ok || err != nil || n < 0 || boot == "" {
		return digestState{}, errDigestState
	}
	state, err := base64.RawStdEncoding.DecodeString(encoded)
	if err != nil || len(state) == 0 {
		return digestState{}, errDigestState
	}
	return digestState{offset: n, boot: boot, state: state}, nil
}

// restore puts h into the state. After an error h must be reset.
func (s digestState) restore(h hash.Hash) error {
	if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(s.state); err != nil {
		return fmt.Errorf("restore the state of the digest: %w", err)
	}
	// The state itself counts the bytes that it has seen; a record whose two
	// figures differ was written by somebody else.
	again, err := h.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil || string(again) != string(s.state) {
		return errDigestState
	}
	if len(s.state) < 8 || int64(bigEndian(s.state[len(s.state)-8:])) != s.offset {
		return errDigestState
	}
	return nil
}

func bigEndian(b []byte) (n uint64) {
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}
