// SPDX-License-Identifier: Apache-2.0
// A detached thread of the process.
import CLinux
import Glibc
package import Linux

/// A POSIX thread that runs one closure and ends; nobody joins it.
package struct Thread: Sendable {
    private let body: @Sendable () -> Void

    package init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    /// Starts the thread. Returns the error if the system could not make one.
    @discardableResult
    package func start() -> Errno? {
        let box = Unmanaged.passRetained(Body(body))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, box.toOpaque())
        guard code != 0 else { return nil }
        box.release()
        return Errno(call: "pthread_create", code: code)
    }

    private final class Body: Sendable {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
}
