package client

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Options is what a [Client] is made of. Only Endpoint is required.
type Options struct {
	// Endpoint is where uploads are created: http://host:8080/files/, say. Without a path it is completed by /files/.
	Endpoint string
	// Token is sent as Authorization: Bearer, to the endpoint's own scheme, host and port only. It may be empty.
	Token string
	// Metadata goes with every upload. filename and filetype are set from the file's name unless they are given here.
	Metadata map[string]string
	// State is the folder that remembers the addresses of uploads; it is made when needed. Empty: none does.
	State string
	// RetryFor is how long an upload may fail without getting any further before it is given up; 0 means for ever.
	RetryFor time.Duration
	// Watch hears how uploads go, if it isn't nil. Calls never overlap, and the upload waits for each.
	Watch func(Event)

	// Stall is how long a connection may take nothing of a file, and a POST or HEAD have no answer; 0 means a minute.
	Stall time.Duration
	// Answer is how long the server may take to answer once all of a file is sent; 0 means 5 minutes.
	Answer time.Duration
	// MinDelay and MaxDelay are the first and the longest delay before a try; 0 means 0.5 s and 15 s.
	MinDelay, MaxDelay time.Duration
}

const (
	defaultStall    = time.Minute
	defaultAnswer   = 5 * time.Minute
	defaultMinDelay = 500 * time.Millisecond
	defaultMaxDelay = 15 * time.Second
	defaultPath     = "/files/"
)

// Validate reports everything that is wrong, one line for each mistake.
func (o Options) Validate() error {
	_, endpointErr := o.endpoint()
	errs := []error{endpointErr}
	if strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		errs = append(errs, errors.New("the token has characters that no HTTP header takes"))
	}
	for _, key := range slices.Sorted(maps.Keys(o.Metadata)) {
		if err := checkMetadata(key, o.Metadata[key]); err != nil {
			errs = append(errs, err)
		}
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"RetryFor", o.RetryFor}, {"Stall", o.Stall}, {"Answer", o.Answer}, {"MinDelay", o.MinDelay}, {"MaxDelay", o.MaxDelay}} {
		if d.value < 0 {
			errs = append(errs, fmt.Errorf("%s is negative: %s", d.name, d.value))
		}
	}
	return errors.Join(errs...)
}

func checkMetadata(key, value string) error {
	switch {
	case key == "":
		return errors.New("a metadata key is empty")
	case strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' || r == ',' }):
		return fmt.Errorf("metadata key %q: only printable ASCII without spaces and commas is allowed", key)
	case !utf8.ValidString(value):
		return fmt.Errorf("metadata %s: the value is not UTF-8", key)
	}
	return nil
}

func (o Options) endpoint() (*url.URL, error) {
	u, err := url.Parse(o.Endpoint)
	switch {
	case o.Endpoint == "":
		return nil, errors.New("the endpoint is missing")
	case err != nil:
		// The error of url.Parse repeats the text, and a password in it.
		return nil, errors.New("the endpoint is not a URL")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, errors.New("the endpoint must begin with http://HOST or https://HOST")
	case u.User != nil:
		return nil, errors.New("the endpoint must not hold a user or a password")
	case !validPort(u.Port()):
		return nil, errors.New("the endpoint's port must be a number from 1 to 65535")
	case u.Fragment != "":
		return nil, errors.New("the endpoint must not hold a #")
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = defaultPath
	}
	return u, nil
}

// validPort takes none for that of the scheme.
func validPort(text string) bool {
	port, err := strconv.ParseUint(text, 10, 16)
	return text == "" || err == nil && port > 0
}
