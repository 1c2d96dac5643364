// SPDX-License-Identifier: Apache-2.0
// Compressed layers to plain bytes, chunk by chunk: gzip by isa-l, zstd, or nothing, told apart by their first bytes.
import CIsal
import CZstd
import Primitives

/// Takes compressed bytes and hands out plain ones. One thread at a time uses it.
package final class Decompressor {
    private enum Engine {
        case undecided
        case plain
        case gzip(UnsafeMutablePointer<inflate_state>)
        case zstd(OpaquePointer)
    }

    private var engine = Engine.undecided
    private var head: [UInt8] = []
    /// Whether the compressed stream stands at a place where it may end.
    private var isComplete = true
    private let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 * 1024, alignment: 16)

    package init() {}

    deinit {
        output.deallocate()
        switch engine {
        case .gzip(let state): state.deallocate()
        case .zstd(let stream): ZSTD_freeDStream(stream)
        case .undecided, .plain: break
        }
    }

    /// Takes the next bytes; `sink` gets what they decompress to, in pieces of at most 256 KiB.
    package func write(_ bytes: UnsafeRawBufferPointer, to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        switch engine {
        case .undecided:
            head.append(contentsOf: bytes)
            guard head.count >= 4 else { return }
            try start(sink)
        case .plain: try sink(bytes)
        case .gzip(let state): try inflate(state, bytes, sink)
        case .zstd(let stream): try decompress(stream, bytes, sink)
        }
    }

    /// The compressed bytes are over: an error if they stop in the middle.
    package func finish(to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        if case .undecided = engine, !head.isEmpty { try start(sink) }
        guard isComplete else { throw EngineError.invalidArgument("unexpected EOF") }
    }

    private func start(_ sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        if head.starts(with: [0x1F, 0x8B]) {
            let state = UnsafeMutablePointer<inflate_state>.allocate(capacity: 1)
            isal_inflate_init(state)
            state.pointee.crc_flag = UInt32(ISAL_GZIP)
            engine = .gzip(state)
        } else if head.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) {
            guard let stream = ZSTD_createDStream() else { throw EngineError.internalError("zstd: out of memory") }
            // A frame may ask for a window of at most 128 MiB: memory stays bounded whatever the image says.
            ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, 27)
            engine = .zstd(stream)
        } else {
            engine = .plain
        }
        let first = head
        head = []
        try first.withUnsafeBytes { try write($0, to: sink) }
    }

    private func inflate(
        _ state: UnsafeMutablePointer<inflate_state>, _ bytes: UnsafeRawBufferPointer,
        _ sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard let base = bytes.bindMemory(to: UInt8.self).baseAddress,
            let target = output.bindMemory(to: UInt8.self).baseAddress
        else { return }
        state.pointee.next_in = UnsafeMutablePointer(mutating: base)
        state.pointee.avail_in = UInt32(bytes.count)
        while true {
            if state.pointee.block_state == ISAL_BLOCK_FINISH {
                // Another member may follow (RFC 1952, 2.2); zero padding behind the last one is ignored.
                while state.pointee.avail_in > 0, state.pointee.next_in.pointee == 0 {
                    state.pointee.next_in += 1
                    state.pointee.avail_in -= 1
                }
                isComplete = true
                if state.pointee.avail_in == 0 { return }
                let next = state.pointee.next_in
                let left = state.pointee.avail_in
                isal_inflate_reset(state)
                state.pointee.crc_flag = UInt32(ISAL_GZIP)
                state.pointee.next_in = next
                state.pointee.avail_in = left
            }
            isComplete = false
            let before = state.pointee.avail_in
            state.pointee.next_out = target
            state.pointee.avail_out = UInt32(output.count)
            let code = isal_inflate(state)
            guard code >= 0 else { throw EngineError.invalidArgument("gzip: invalid data (\(code))") }
            let produced = output.count - Int(state.pointee.avail_out)
            if produced > 0 { try sink(UnsafeRawBufferPointer(rebasing: output[..<produced])) }
            if state.pointee.block_state == ISAL_BLOCK_FINISH { continue }
            if state.pointee.avail_in == 0, state.pointee.avail_out > 0 { return }
            if produced == 0, state.pointee.avail_in == 0 { return }
            guard produced > 0 || state.pointee.avail_in < before else {
                throw EngineError.invalidArgument("gzip: invalid data")
            }
        }
    }

    private func decompress(
        _ stream: OpaquePointer, _ bytes: UnsafeRawBufferPointer, _ sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        while true {
            var out = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
            let code = ZSTD_decompressStream(stream, &out, &input)
            guard ZSTD_isError(code) == 0 else {
                throw EngineError.invalidArgument("zstd: \(String(cString: ZSTD_getErrorName(code)))")
            }
            isComplete = code == 0
            if out.pos > 0 { try sink(UnsafeRawBufferPointer(rebasing: output[..<out.pos])) }
            if input.pos == input.size, out.pos < out.size { return }
        }
    }
}
