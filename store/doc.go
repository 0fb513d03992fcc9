// Package store holds what a store of uploads, a lock and the server tell each
// other about a request: the request itself (Request), its body (Body) and the
// answers that a client may hear (the table in answers.go).
//
// The stores are in store/disk, the locks in store/memorylock. tusd's handler
// stands between the server and a store and passes on only a context and an
// io.Reader; so the server puts a Request into the context, and the store finds
// there what the reader can't say: whether reading would wait for the client,
// and whether a body that ended was whole, cut, broken or too long. What uploads
// occupy the stores tell Accounts, which keep quotas.
//
// Stores and locks return only tusd's handler.Error values, made by the
// functions of this package: any other error would reach the client as its
// text, with paths in it. What went wrong in detail is left in the Request by
// Fail, and the server writes it into the request's log line.
package store
