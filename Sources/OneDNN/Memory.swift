internal import COneDNN

/// A layout and a place: a `dnnl_memory_t`. The place belongs to somebody else and must outlive
/// every execution.
public final class Memory {
  public let layout: Layout
  let handle: dnnl_memory_t

  /// - Parameter address: at least `layout.byteCount` bytes; nil when `move(to:)` will say.
  public init(
    _ layout: Layout, at address: UnsafeMutableRawPointer?, on processor: Processor
  ) throws(OneDNNError) {
    var handle: dnnl_memory_t?
    try check(
      od_memory_make(&handle, layout.handle, processor.engine, address),
      "making a memory object")
    self.handle = try made(handle, "making a memory object")
    self.layout = layout
  }

  deinit { dnnl_memory_destroy(handle) }

  /// Points to another place. Corresponds to `dnnl_memory_set_data_handle`.
  public func move(to address: UnsafeMutableRawPointer) throws(OneDNNError) {
    try check(dnnl_memory_set_data_handle(handle, address), "moving a memory object")
  }
}
