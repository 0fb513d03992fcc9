package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"
)

const (
	// maxAnswer is the longest answer that is read, in bytes.
	maxAnswer = 64 << 10
	// maxReason is the longest reason that a client hears, in bytes.
	maxReason = 256
)

// Answer is what the other side said.
type Answer struct {
	Allow bool

	// Of a refusal: the status and what the client hears, a line of printable characters.
	Status int
	Reason string

	// Of a permission: what the upload's metadata shall be, nil for what it is; and what its
	// id shall begin with, if not empty. Both are as Options.Check has let them pass.
	Metadata map[string]string
	IDPrefix string
}

// refusals are the statuses that a refusal may have. Clients of tus try again after 409, 423
// and 429, take 401 for a matter of their token, and 404 and 410 for one of the address.
func refusals() []int {
	return []int{
		http.StatusBadRequest, http.StatusPaymentRequired, http.StatusForbidden, http.StatusRequestEntityTooLarge,
		http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusUnavailableForLegalReasons,
	}
}

// parseAnswer reads the body of an answer.
func parseAnswer(body []byte) (Answer, error) {
	if len(body) > maxAnswer {
		return Answer{}, fmt.Errorf("the answer has more than %d bytes", maxAnswer)
	}
	var said struct {
		Allow    *bool             `json:"allow"`
		Status   int               `json:"status"`
		Reason   string            `json:"reason"`
		Metadata map[string]string `json:"metadata"`
		IDPrefix string            `json:"idPrefix"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return Answer{}, fmt.Errorf("read the answer: %w", err)
	}
	switch {
	case said.Allow == nil:
		return Answer{}, errors.New(`the answer doesn't say "allow"`)
	case *said.Allow:
		return Answer{Allow: true, Metadata: said.Metadata, IDPrefix: said.IDPrefix}, nil
	case !slices.Contains(refusals(), said.Status):
		said.Status = http.StatusForbidden
	}
	return Answer{Status: said.Status, Reason: printable(said.Reason)}, nil
}

// printable makes one line of a text, of maxReason bytes at most.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r):
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return -1
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= maxReason {
		return text
	}
	const more = "…"
	cut := maxReason - len(more)
	for cut > 0 && text[cut]&0xc0 == 0x80 { // in the middle of a character
		cut--
	}
	return text[:cut] + more
}
