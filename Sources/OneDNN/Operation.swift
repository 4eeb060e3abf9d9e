internal import COneDNN

/// What a tensor is to an operation.
public enum Argument: Hashable, Sendable {
  case source, weights, bias, destination
  case sourceGradient, weightsGradient, biasGradient, destinationGradient
}

/// An operation that oneDNN knows how to do, with the layouts it wants: a
/// `dnnl_primitive_desc_t`. Making one is cheap; compiling it is not.
public final class Operation {
  let handle: dnnl_primitive_desc_t
  private let processor: Processor
  /// The implementation's own name, such as `jit:avx512_core` or `ref:any`.
  public let implementation: String

  init(takingOwnership handle: dnnl_primitive_desc_t, on processor: Processor) {
    self.handle = handle
    self.processor = processor
    var name: UnsafePointer<CChar>?
    let status = withUnsafeMutablePointer(to: &name) {
      dnnl_primitive_desc_query(handle, dnnl_query_impl_info_str, 0, $0)
    }
    implementation = status == dnnl_success ? name.map { String(cString: $0) } ?? "" : ""
  }

  deinit { dnnl_primitive_desc_destroy(handle) }

  /// Whether this is the slow loop that exists to check the others.
  public var isReference: Bool { implementation.hasPrefix("ref") }

  /// The layout in which the operation takes or gives a tensor; nil if it has none.
  public func layout(of argument: Argument) -> Layout? {
    let (query, index) = argument.query
    return layout(query, index)
  }

  /// The bytes of room the operation needs while it runs.
  public var scratchpadByteCount: Int { scratchpadLayout?.byteCount ?? 0 }

  private var scratchpadLayout: Layout? {
    let layout = layout(dnnl_query_scratchpad_md, 0)
    return layout?.byteCount == 0 ? nil : layout
  }

  private func layout(_ query: dnnl_query_t, _ index: Int32) -> Layout? {
    guard let found = od_query_layout(handle, query, index),
      od_layout_rank(found) > 0
    else { return nil }
    return try? Layout(copying: found)
  }

  /// Generates the code and binds it to its tensors.
  ///
  /// Corresponds to `dnnl_primitive_create`.
  public func compile(_ arguments: [(Argument, Memory)]) throws(OneDNNError) -> Primitive {
    try compile(arguments.map { ($0.0.code, $0.1) })
  }

  func compile(_ arguments: [(Int32, Memory)]) throws(OneDNNError) -> Primitive {
    var scratchpad: Memory?
    if let layout = scratchpadLayout { scratchpad = try Memory(layout, at: nil, on: processor) }
    var primitive: dnnl_primitive_t?
    try check(dnnl_primitive_create(&primitive, handle), "compiling \(implementation)")
    return Primitive(
      takingOwnership: try made(primitive, "compiling"), arguments: arguments,
      scratchpad: scratchpad, processor: processor, implementation: implementation)
  }
}

extension Argument {
  var code: Int32 {
    switch self {
    case .source: DNNL_ARG_SRC_0
    case .weights: DNNL_ARG_WEIGHTS_0
    case .bias: DNNL_ARG_BIAS
    case .destination: DNNL_ARG_DST_0
    case .sourceGradient: DNNL_ARG_DIFF_SRC_0
    case .weightsGradient: DNNL_ARG_DIFF_WEIGHTS_0
    case .biasGradient: DNNL_ARG_DIFF_BIAS
    case .destinationGradient: DNNL_ARG_DIFF_DST_0
    }
  }

  var query: (dnnl_query_t, Int32) {
    switch self {
    case .source: (dnnl_query_src_md, 0)
    case .weights: (dnnl_query_weights_md, 0)
    case .bias: (dnnl_query_weights_md, 1)
    case .destination: (dnnl_query_dst_md, 0)
    case .sourceGradient: (dnnl_query_diff_src_md, 0)
    case .weightsGradient: (dnnl_query_diff_weights_md, 0)
    case .biasGradient: (dnnl_query_diff_weights_md, 1)
    case .destinationGradient: (dnnl_query_diff_dst_md, 0)
    }
  }
}
