package s3test

// Fault is what becomes of one call. The zero value lets it pass.
type Fault struct {
	kind    kind
	status  int
	code    string
	bytes   int64
	release <-chan struct{}
	before  []func()
	after   []func()
}

type kind int

const (
	pass kind = iota
	fail
	failAfter
	dropBefore
	dropAfter
	hangBefore
	hangAfter
	cutBody
)

// Pass lets the call through.
func Pass() Fault { return Fault{} }

// Fail answers in the gateway's place, which hears nothing, with a status and a code of S3: 503 and "SlowDown", for example.
// The client can send its whole body first.
func Fail(status int, code string) Fault { return Fault{kind: fail, status: status, code: code} }

// FailAfter lets the gateway do the work, and answers so in place of its answer.
func FailAfter(status int, code string) Fault {
	return Fault{kind: failAfter, status: status, code: code}
}

// DropBefore closes the client's connection; the gateway hears nothing. (net/http by itself sends a request without a body
// again, if the connection had served another before: that is another call.)
func DropBefore() Fault { return Fault{kind: dropBefore} }

// DropAfter lets the gateway do the work, and closes the client's connection without an answer.
func DropAfter() Fault { return Fault{kind: dropAfter} }

// HangBefore holds the call, of whose body nothing is read, until release is closed: then it passes. If the client leaves
// first, the gateway hears nothing of a call without a body, and gets a cut one of a call with a body. A nil release never
// comes.
func HangBefore(release <-chan struct{}) Fault { return Fault{kind: hangBefore, release: release} }

// HangAfter lets the gateway do the work, and holds its answer until release is closed or the client leaves.
func HangAfter(release <-chan struct{}) Fault { return Fault{kind: hangAfter, release: release} }

// CutBody lets the first n bytes of the body through to the gateway, then ends that connection, waits until the gateway has
// ended it too, and so has done with those bytes what it does, and closes the client's connection.
func CutBody(n int64) Fault { return Fault{kind: cutBody, bytes: n} }

// Before calls do before anything else happens to the call, and then lets then happen. Before(kill, DropBefore()) is a client
// that dies when it has made the call, without the work done. do runs in the call's goroutine: who reads elsewhere what it wrote
// needs a channel or a lock, or calls Proxy.Calls first, when the call is Over.
func Before(do func(), then Fault) Fault {
	then.before = append([]func(){do}, then.before...)
	return then
}

// After lets the gateway do the work, calls do, and then lets then happen with the answer: After(kill, DropAfter()) is a client
// that dies when the work was done, before it hears of it. It is for faults that let the gateway work; and if the gateway
// doesn't answer, do isn't called.
func After(do func(), then Fault) Fault {
	then.after = append([]func(){do}, then.after...)
	return then
}

// Nth is a decision for Proxy.On: the nth call of an operation, counted from 1, meets the fault, and all others pass.
func Nth(operation Operation, n int, fault Fault) func(Call) Fault {
	return func(c Call) Fault {
		if c.Operation == operation && c.Nth == n {
			return fault
		}
		return Pass()
	}
}
