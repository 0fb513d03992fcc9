package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// tokenPrefix is what a token begins with that NewToken makes: whoever finds one knows what it is.
const tokenPrefix = "plt_"

// NewToken makes a token of 256 random bits for an owner. secret is the token itself, which is nowhere else; the Token is
// its line for the file.
func NewToken(owner string, admin bool) (secret string, line Token, err error) {
	if !validOwner(owner) || owner[0] == '#' || strings.TrimSpace(owner) != owner || strings.HasPrefix(owner, "\ufeff") {
		return "", Token{}, fmt.Errorf("the name must have 1 to %d bytes of UTF-8, without control characters, spaces around it, and # at its beginning", maxOwner)
	}
	var random [32]byte
	_, _ = rand.Read(random[:]) // it never fails
	secret = tokenPrefix + base64.RawURLEncoding.EncodeToString(random[:])
	return secret, Token{Owner: owner, Hash: sha256.Sum256([]byte(secret)), Admin: admin}, nil
}

// ErrNameTaken is what AddToken says of a name that the file has already.
var ErrNameTaken = errors.New("the name is in the tokens' file already")

// AddToken adds a line to a tokens' file, which is made if there is none, readable for its owner only. A file with a mistake is left as it is. Unless another is true, so is one that has the name: ErrNameTaken.
func AddToken(file string, t Token, another bool) (err error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the tokens' file: %w", err)
	}
	defer func() {
		if closeErr := f.Close(); err == nil && closeErr != nil {
			err = fmt.Errorf("close the tokens' file: %w", closeErr)
		}
	}()
	data, err := io.ReadAll(io.LimitReader(f, maxTokensFile))
	if err != nil {
		return fmt.Errorf("read the tokens' file: %w", err)
	}
	all, err := ParseTokens(data)
	if err != nil {
		return fmt.Errorf("tokens' file %s: %w", file, err)
	}
	if !another && slices.ContainsFunc(all, func(has Token) bool { return has.Owner == t.Owner }) {
		return ErrNameTaken
	}
	line := t.Line() + "\n"
	if len(data) > 0 && data[len(data)-1] != '\n' {
		line = "\n" + line
	}
	if len(data)+len(line) > maxTokensFile {
		return fmt.Errorf("tokens' file %s: it would have more than %d bytes", file, maxTokensFile)
	}
	if _, err := io.WriteString(f, line); err != nil { // one write: a server that reads meanwhile sees all of it or nothing
		return fmt.Errorf("add to the tokens' file: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync the tokens' file: %w", err)
	}
	return nil
}
