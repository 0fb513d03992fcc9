// Package policy says whether an upload may be created: by its claimed type and name
// (Allowed), and by asking somebody else over HTTP (Asker). docs/POLICY.md is the contract
// with whoever answers.
//
// # Promises
//
// Ask comes back within Options.Timeout, whatever the other side does: hangs, answers a
// byte at a time, sends without end, redirects, closes. Only status 200 with a JSON object
// that says "allow" is an answer; all else is an error, and what it means, whether the
// upload is let in or not, is the caller's to say. A refusal has a status that clients
// don't take for a passing trouble, and a reason of one printable line.
//
// Asking changes nothing by itself: a question may reach the other side twice, when a kept
// connection turns out to be dead.
//
// # Under stress
//
//   - Slow: at most Options.AtOnce questions, and so connections, are open, a quarter of them
//     of one asker; the others wait for their turn, within their timeout. A question holds
//     itself and 64 KiB at most. What is known of askers goes with their last question.
//   - Away: after Options.Failures failures without an answer in between, nobody is asked
//     for Options.Pause: Ask returns ErrPaused at once. Then one question is put as a probe,
//     while the others still hear ErrPaused; its answer ends the pause, its failure begins
//     another.
//   - At a loss: a status 4xx (but 408 and 429), or a wish that can't be done, fails that one
//     question only.
//   - The asker left: its question is given up, and counts for nothing.
//   - Close gives up what is being asked and waits for it. No connection and no goroutine
//     is left.
//
// Redirects are not followed, and no proxy is used: questions carry names of people and of
// their files, and go where the operator said.
package policy
