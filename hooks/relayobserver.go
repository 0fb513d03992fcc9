package hooks

import "time"

// RelayObserver has functions that are called as things happen; each may be nil,
// and must not block.
type RelayObserver struct {
	Delivered func(age time.Duration) // an event was acknowledged, so long after its upload was finished
	Retried   func(n int)             // so many events will be tried again
	Dead      func()                  // an event was buried
	Operator  func(blocked bool)      // whether somebody has to put something right
	Tried     func(Try)               // an event was given to the sink, and came back
}

// Try is one try to send an event.
type Try struct {
	Event        Event
	Began, Ended time.Time // of the call to the sink, which gets many events at a time
	Err          error     // nil: it was acknowledged
}

func (o RelayObserver) withDefaults() RelayObserver {
	if o.Delivered == nil {
		o.Delivered = func(time.Duration) {}
	}
	if o.Retried == nil {
		o.Retried = func(int) {}
	}
	if o.Dead == nil {
		o.Dead = func() {}
	}
	if o.Operator == nil {
		o.Operator = func(bool) {}
	}
	if o.Tried == nil {
		o.Tried = func(Try) {}
	}
	return o
}
