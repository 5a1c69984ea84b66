// Package tilltest holds the worlds that the tests of the library share: a [Till] is an Orders over a log, with a
// [Bank] that answers as APO does and a clock that the test sets; an [Ear] hears APO's simulator over HTTP; [Flaky] and
// [Hanging] are logs in trouble; a [Witness] writes down what an Observer is told. What APO says is signed by
// [TheOffice] and verified, as a service gets it.
//
// [Reach] and [Paths] bring an order into every state there is. The [Book] and [MayCancel], [MayCapture] and
// [MayRefund] are the rules in plain words, read off the design and not off the code: the laws hold the library against
// them.
//
// It is for tests: it imports testify, so nothing but a _test.go file may import it. arch_test.go holds that.
package tilltest
