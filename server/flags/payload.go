package flags

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"

	growthbook "github.com/growthbook/growthbook-golang"
)

const (
	// payloadMost is how long a file or an answer may be, in bytes.
	payloadMost = 1 << 20
	// unknownMost is how many names that are no flags are remembered.
	unknownMost = 100
	// effortMost is how many features may be evaluated for one.
	effortMost = 10_000
)

// reading is what a payload says to this server.
type reading struct {
	settings
	refused  []error  // of flags whose value makes no sense, in the table's order
	problems []string // these, and the numbers that were clamped
	unknown  []string // names that are no flags
}

// evaluator reads payloads. It keeps nothing of one for the next.
type evaluator struct {
	table         []flag
	attributes    map[string]any
	decryptionKey string
}

// read evaluates a payload: an object with features, or if bare is true the features alone. On an error nothing of it counts.
// A new client is made for each payload, since the library refuses one that is dated before the last, and keeps what the next
// one leaves out.
func (e evaluator) read(data []byte, bare bool) (r reading, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("GrowthBook's library panicked: %v", p)
		}
	}()
	payload, err := e.sections(data, bare)
	if err != nil {
		return reading{}, err
	}
	client, err := growthbook.NewClient(context.Background(), growthbook.WithLogger(slog.New(slog.DiscardHandler)),
		growthbook.WithAttributes(e.attributes), growthbook.WithDecryptionKey(e.decryptionKey))
	if err != nil {
		return reading{}, fmt.Errorf("make a client: %w", err)
	}
	if err := client.UpdateFromApiResponseJSON(string(payload)); err != nil {
		return reading{}, fmt.Errorf("the features can't be understood: %w", err)
	}
	if client.Features() == nil {
		return reading{}, errors.New("there is no features object")
	}
	return e.evaluate(client), nil
}

// sections returns the parts of a payload that count, with no date.
func (e evaluator) sections(data []byte, bare bool) ([]byte, error) {
	var all, features map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("it isn't a JSON object: %w", err)
	}
	if all == nil {
		return nil, errors.New("it isn't a JSON object, but null")
	}
	_, isWrapped := all["features"]
	_, isEncrypted := all["encryptedFeatures"]
	switch {
	case isEncrypted && e.decryptionKey == "":
		return nil, errors.New("the features are encrypted, and there is no key to decrypt them")
	case isWrapped:
		if err := json.Unmarshal(all["features"], &features); err != nil || features == nil && !isEncrypted {
			return nil, errors.New("features isn't an object")
		}
	case isEncrypted:
	case bare:
		features = all
		text, err := json.Marshal(all)
		if err != nil {
			return nil, err
		}
		all = map[string]json.RawMessage{"features": text}
	default:
		return nil, errors.New("there is no features object")
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(features)) {
		if feature := bytes.TrimSpace(features[name]); !bytes.HasPrefix(feature, []byte("{")) && string(feature) != "null" {
			errs = append(errs, fmt.Errorf(`the feature %s must be an object such as {"defaultValue": 1}`, brief(name)))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs[:min(len(errs), unknownMost)]...)
	}
	maps.DeleteFunc(all, func(section string, _ json.RawMessage) bool {
		return !slices.Contains([]string{"features", "encryptedFeatures", "savedGroups", "encryptedSavedGroups"}, section)
	})
	return json.Marshal(all)
}

// evaluate asks for each flag once.
func (e evaluator) evaluate(client *growthbook.Client) reading {
	r := reading{settings: settings{given: make([]bool, len(e.table))}, refused: make([]error, len(e.table))}
	names, efforts := map[string]bool{}, map[string]int{}
	for i, f := range e.table {
		names[f.name] = true
		if effort(client.Features(), f.name, efforts) > effortMost {
			r.refuse(i, fmt.Errorf("the prerequisites of %s go in a circle, or are too many", f.name))
			continue
		}
		value := client.EvalFeature(context.Background(), f.name).Value
		if value == nil {
			continue
		}
		note, err := f.set(&r.values, value)
		switch {
		case err != nil:
			r.refuse(i, fmt.Errorf("%s must be %w", f.name, err))
		case note != "":
			r.problems = append(r.problems, f.name+" was "+note)
		}
		r.given[i] = err == nil
	}
	for name := range client.Features() {
		if !names[name] {
			r.unknown = append(r.unknown, name)
		}
	}
	slices.Sort(r.unknown)
	if more := len(r.unknown) - unknownMost; more > 0 {
		r.unknown = append(r.unknown[:unknownMost:unknownMost], fmt.Sprintf("and %d more", more))
	}
	return r
}

func (r *reading) refuse(i int, err error) {
	r.refused[i] = err
	r.problems = append(r.problems, err.Error())
}

// effort is how many features are evaluated for one, or more than effortMost. The library follows each prerequisite anew, so
// that a few dozen features could keep it busy for years.
func effort(features growthbook.FeatureMap, name string, known map[string]int) int {
	if n, ok := known[name]; ok {
		return n
	}
	feature := features[name]
	if feature == nil {
		return 1
	}
	known[name] = effortMost + 1 // for whoever comes back to it: a circle
	n := 1
	for _, rule := range feature.Rules {
		for _, parent := range rule.ParentConditions {
			n = min(n+effort(features, parent.Id, known), effortMost+1)
		}
	}
	known[name] = n
	return n
}

// readAtMost reads a payload to its end.
func readAtMost(from io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(from, payloadMost+1))
	if err == nil && len(data) > payloadMost {
		err = errors.New("it has more than 1 MiB")
	}
	return data, err
}
