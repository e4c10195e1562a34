"""Properties that every public function of vtonlib keeps which computes on tensors: cases, and how they are tried."""
