package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

const problemType = "application/problem+json"

// problem is an error answer as RFC 9457 has it. What went wrong is in code, which is
// the code of the same answer as text; so type says nothing more than the status.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
}

// cutError takes the text of an error answer apart.
func cutError(text []byte) (code, sentence string, ok bool) {
	before, after, ok := bytes.Cut(text, []byte(": "))
	if !ok || !bytes.HasPrefix(before, []byte("ERR_")) {
		return "", "", false
	}
	return string(before), strings.TrimSuffix(string(after), "\n"), true
}

// tell writes the text of an error in the form that its client accepts. The header of
// a problem has waited for this.
func (w *response) tell(text []byte) (int, error) {
	if !w.held {
		return w.ResponseWriter.Write(text)
	}
	if code, sentence, ok := cutError(text); ok {
		said, err := json.Marshal(problem{"about:blank", http.StatusText(w.status), w.status, sentence, code})
		if err != nil {
			return 0, err
		}
		text = append(said, '\n')
		w.Header().Set("Content-Type", problemType)
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	}
	w.release()
	return w.ResponseWriter.Write(text)
}

// release sends a header that has waited for a text.
func (w *response) release() {
	if w.held {
		w.held = false
		w.ResponseWriter.WriteHeader(w.status)
	}
}

// acceptsProblem reports whether a client would rather have an error as a problem than
// as text (RFC 9110, 12.5.1): only if it names one more exactly, or with more weight.
// Where it takes anything, as tus clients do, it is text.
func acceptsProblem(accept []string) bool {
	if len(accept) == 0 || len(accept) == 1 && accept[0] == "*/*" {
		return false
	}
	var asProblem, asText preference
	for entry := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		mediaRange, parameters, _ := strings.Cut(entry, ";")
		mediaRange = strings.ToLower(strings.TrimSpace(mediaRange))
		if weight, ok := weightOf(parameters); ok {
			asProblem.consider(problemType, mediaRange, weight)
			asText.consider("text/plain", mediaRange, weight)
		}
	}
	if asProblem.weight == asText.weight {
		return asProblem.weight > 0 && asProblem.exact > asText.exact
	}
	return asProblem.weight > asText.weight
}

// preference is what the most exact media range so far says of a media type.
type preference struct {
	exact  int // 0: none fits; 1: */*; 2: the type; 3: type and subtype
	weight int // thousandths
}

func (p *preference) consider(mediaType, mediaRange string, weight int) {
	family, _, _ := strings.Cut(mediaType, "/")
	exact := 0
	switch mediaRange {
	case mediaType:
		exact = 3
	case family + "/*":
		exact = 2
	case "*/*":
		exact = 1
	}
	if exact > p.exact || exact > 0 && exact == p.exact && weight > p.weight {
		p.exact, p.weight = exact, weight
	}
}

// weightOf reads the weight among an entry's parameters, in thousandths. It is not ok
// when it is malformed; then the entry counts for nothing.
func weightOf(parameters string) (thousandths int, ok bool) {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if !strings.EqualFold(name, "q") {
			continue
		}
		whole, fraction, _ := strings.Cut(value, ".")
		if whole != "0" && whole != "1" || len(fraction) > 3 || strings.Trim(fraction, "0123456789") != "" {
			return 0, false
		}
		thousandths, err := strconv.Atoi(whole + (fraction + "000")[:3])
		return thousandths, err == nil && thousandths <= 1000
	}
	return 1000, true
}
