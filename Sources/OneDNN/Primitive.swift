internal import CKernels
internal import COneDNN

/// Compiled code with its tensors: a `dnnl_primitive_t` and its arguments, ready to run.
public final class Primitive {
  public let implementation: String
  /// Where the operation keeps what it needs while it runs. It has to be moved to a place before
  /// the first execution; primitives that run one after the other may share one.
  public let scratchpad: Memory?
  private let handle: dnnl_primitive_t
  private let arguments: UnsafeMutableBufferPointer<dnnl_exec_arg_t>
  private let memories: [Memory]
  let processor: Processor
  /// Among how many threads oneDNN shares it.
  private let threads: Int32

  init(
    takingOwnership handle: dnnl_primitive_t, arguments: [(Int32, Memory)], scratchpad: Memory?,
    processor: Processor, implementation: String
  ) {
    self.handle = handle
    self.scratchpad = scratchpad
    self.processor = processor
    self.implementation = implementation
    threads = ck_library_team()
    let all = arguments + (scratchpad.map { [(DNNL_ARG_SCRATCHPAD, $0)] } ?? [])
    memories = all.map(\.1)
    self.arguments = .allocate(capacity: all.count)
    for (index, (code, memory)) in all.enumerated() {
      self.arguments.initializeElement(
        at: index, to: dnnl_exec_arg_t(arg: code, memory: memory.handle))
    }
  }

  deinit {
    dnnl_primitive_destroy(handle)
    arguments.deallocate()
  }

  /// Runs and returns when done. Corresponds to `dnnl_primitive_execute`.
  public func execute() throws(OneDNNError) {
    let before = ck_library_team()
    if threads != before { ck_set_library_team(threads) }
    defer { if threads != before { ck_set_library_team(before) } }
    try check(run(on: processor.stream.handle), "running \(implementation)")
  }

  func run(on stream: dnnl_stream_t) -> dnnl_status_t {
    dnnl_primitive_execute(handle, stream, Int32(arguments.count), arguments.baseAddress)
  }
}
