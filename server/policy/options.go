package policy

import (
	"crypto/tls"
	"errors"
	"net/url"
	"time"
)

// Options are what an Asker needs. The zero value of a field with a default means the
// default.
type Options struct {
	// URL gets a POST for each question: http or https, without a user, since it stands in
	// logs. Required.
	URL string
	// TLS is for https. Default: the system's certificates.
	TLS *tls.Config
	// Timeout is for a question, the waiting for its turn included. Default 5 s.
	Timeout time.Duration
	// AtOnce is how many questions are open at most, a quarter of them of one asker.
	// Default 64.
	AtOnce int
	// Failures is the row of failures after which nobody is asked for Pause. Default 5, and
	// 5 s.
	Failures int
	Pause    time.Duration
	// Check says why what an answer wants can't be done; Ask returns that as an error then,
	// which doesn't count among Failures. It is called for answers that allow. Default: all
	// can be done.
	Check func(Answer) error
	// Changed is told when a pause begins, and why, and when an answer ends it. It is called
	// in that order, by whoever asks, and must neither block nor ask. Default: nobody.
	Changed func(away bool, cause error)
	// Now is the clock by which pauses end. Default time.Now.
	Now func() time.Time
}

// Validate reports everything that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	u, err := url.Parse(o.URL)
	switch {
	case err != nil:
		errs = append(errs, errors.New("policy: URL can't be understood")) // it may hold a secret
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		errs = append(errs, errors.New("policy: URL is not http://… or https://…"))
	case u.User != nil:
		errs = append(errs, errors.New("policy: URL has a user in it, which would stand in logs"))
	}
	if o.Timeout < 0 {
		errs = append(errs, errors.New("policy: Timeout is negative"))
	}
	if o.AtOnce < 0 {
		errs = append(errs, errors.New("policy: AtOnce is negative"))
	}
	if o.Failures < 0 {
		errs = append(errs, errors.New("policy: Failures is negative"))
	}
	if o.Pause < 0 {
		errs = append(errs, errors.New("policy: Pause is negative"))
	}
	return errors.Join(errs...)
}

func (o Options) withDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	if o.AtOnce == 0 {
		o.AtOnce = 64
	}
	if o.Failures == 0 {
		o.Failures = 5
	}
	if o.Pause == 0 {
		o.Pause = 5 * time.Second
	}
	if o.Check == nil {
		o.Check = func(Answer) error { return nil }
	}
	if o.Changed == nil {
		o.Changed = func(bool, error) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}
