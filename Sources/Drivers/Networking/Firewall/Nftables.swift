// SPDX-License-Identifier: Apache-2.0
// libnftables in this process: one context, one command text at a time, each text one kernel transaction.
import CNftables
import Primitives
import Synchronization

/// Runs nft(8) commands without the nft program, which costs fifty times as much.
/// The context speaks to the network namespace of the thread that made it.
package final class Nftables: Sendable {
    private struct Context: @unchecked Sendable {
        // Unchecked: the context is used below the mutex only; it has no tie to a thread.
        let handle: OpaquePointer
    }

    private let context: Mutex<Context>

    package init() throws {
        guard let handle = nft_ctx_new(UInt32(NFT_CTX_DEFAULT)) else {
            throw EngineError.internalError("nftables: no context")
        }
        nft_ctx_buffer_output(handle)
        nft_ctx_buffer_error(handle)
        context = Mutex(Context(handle: handle))
    }

    deinit { context.withLock { nft_ctx_free($0.handle) } }

    /// Runs the commands in one transaction: all of them or none. Gives what they print.
    @discardableResult
    package func run(_ commands: String) throws -> String {
        try context.withLock { context in
            let result = nft_run_cmd_from_buffer(context.handle, commands)
            let output = nft_ctx_get_output_buffer(context.handle).map { String(cString: $0) } ?? ""
            let errors = nft_ctx_get_error_buffer(context.handle).map { String(cString: $0) } ?? ""
            guard result == 0 else {
                let line = errors.split(separator: "\n").first.map(String.init) ?? "failed"
                throw EngineError.internalError("nftables: \(line)")
            }
            return output
        }
    }
}
