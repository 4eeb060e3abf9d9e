internal import COneDNN

extension Processor {
  /// Copies a tensor from one layout into another.
  ///
  /// Corresponds to `dnnl_reorder_primitive_desc_create`.
  public func reorder(from source: Memory, to destination: Memory) throws(OneDNNError) -> Primitive
  {
    var handle: dnnl_primitive_desc_t?
    let attributes = try Attributes(appliesReLU: false)
    try check(
      od_reorder(
        &handle, source.layout.handle, destination.layout.handle, engine, attributes.handle),
      "a reorder")
    let operation = Operation(takingOwnership: try made(handle, "a reorder"), on: self)
    return try operation.compile([(DNNL_ARG_SRC_0, source), (DNNL_ARG_DST_0, destination)])
  }
}
