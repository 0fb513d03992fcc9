package access

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Token is a line of the tokens' file.
type Token struct {
	Owner string
	Hash  [sha256.Size]byte // SHA-256 of the token
	Admin bool
}

// Line is the token as it stands in the file, without a newline.
func (t Token) Line() string {
	line := t.Owner + ":" + hex.EncodeToString(t.Hash[:])
	if t.Admin {
		line += ":admin"
	}
	return line
}

// maxMistakes is how many wrong lines are named.
const maxMistakes = 10

// ParseTokens reads the tokens' file. A line is the owner's name, a colon and the SHA-256 of the token in hex digits, and
// ":admin" where the owner is one; a name may have colons in it, and several lines. Empty lines and those that begin with "#" mean nothing. The
// error names every wrong line (ten at most) and shows nothing of it: somebody may have written the token itself.
func ParseTokens(data []byte) ([]Token, error) {
	var all []Token
	var errs []error
	owners := make(map[[sha256.Size]byte]int) // the line of each hash
	number := 0
	for line := range bytes.Lines(bytes.TrimPrefix(data, []byte("\ufeff"))) {
		number++
		text := strings.TrimSpace(string(line))
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		token, err := parseToken(text)
		if earlier, twice := owners[token.Hash]; err == nil && twice {
			err = fmt.Errorf("its token is that of line %d already", earlier)
		}
		if err != nil {
			if errs = append(errs, fmt.Errorf("line %d: %w", number, err)); len(errs) == maxMistakes {
				break
			}
			continue
		}
		owners[token.Hash] = number
		all = append(all, token)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return all, nil
}

// parseToken reads a line from its end, so that names may have colons in them, as those of some issuers do.
func parseToken(line string) (Token, error) {
	var t Token
	line, t.Admin = strings.CutSuffix(line, ":admin")
	colon := strings.LastIndexByte(line, ':')
	if colon < 0 {
		return Token{}, errors.New("it must be NAME:HASH or NAME:HASH:admin")
	}
	hash, err := hex.DecodeString(line[colon+1:])
	if err != nil || len(hash) != sha256.Size {
		return Token{}, errors.New("after the name and a colon the 64 hex digits of the token's SHA-256 must follow, and then :admin or nothing")
	}
	copy(t.Hash[:], hash)
	t.Owner = strings.TrimSpace(line[:colon])
	if !validOwner(t.Owner) {
		return Token{}, fmt.Errorf("the name must have 1 to %d bytes of UTF-8, without control characters", maxOwner)
	}
	return t, nil
}
